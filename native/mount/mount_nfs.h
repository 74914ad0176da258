/* Mounting a folder of an NFS server, in no mount namespace yet. */
#ifndef CASTLE_MOUNT_MOUNT_NFS_H
#define CASTLE_MOUNT_MOUNT_NFS_H

/*
 * Mounts a folder of an NFS server in no mount namespace. Closing the descriptor unmounts it. If the server does not
 * answer, the call waits; a fatal signal ends it. The server is reached from the network namespace of this process,
 * which setns to a mount namespace does not change.
 *
 * source      `HOST:/PATH`; the kernel connects to the address in the option addr=, and only displays HOST
 * options     as in nfs(5), separated by commas, including addr=; changed by the call
 * attributes  MOUNT_ATTR_…
 * log         gets the kernel's last message about it; empty without one
 *
 * Returns a descriptor of the mount, or -1 and errno: ENODEV when this kernel has no NFS client.
 */
enum { LOG_SIZE = 256 };
int mount_nfs(const char *source, char *options, unsigned int attributes, char log[LOG_SIZE]);

/*
 * Makes the kernel kill this process when its parent, the castle, ends: a mount that waits for a server must not happen
 * later, when another host may have got the volume. Returns 0, or -1 and errno: EPIPE when the parent has ended
 * already.
 */
int exit_with_parent(void);

#endif
