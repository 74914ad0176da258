/* Folders of an NFS server, as mounts that hang nowhere yet. */
#ifndef CASTLE_MOUNT_NFS_H
#define CASTLE_MOUNT_NFS_H

/*
 * Mounts a folder of an NFS server, in no mount namespace: closing the descriptor takes it back. What a server does that
 * does not answer: the call waits for it, and a deadly signal ends the wait. The server is reached from this process's
 * network namespace: call it before setns, which is about mounts only.
 *
 * source      `HOST:/PATH`; the kernel only shows HOST, and goes where the option addr= says, for it looks up no names
 * options     as in nfs(5), with commas between them, and with addr=; changed by the call
 * attributes  MOUNT_ATTR_…
 * log         gets the kernel's last sentence about it, empty when it had none
 *
 * Returns a descriptor of the mount, or -1 and errno: ENODEV when this kernel has no NFS client.
 */
enum { LOG_SIZE = 256 };
int mount_nfs(const char *source, char *options, unsigned int attributes, char log[LOG_SIZE]);

/*
 * Ends this process with whoever started it: what it was to do must not happen later, when nobody counts on it any more.
 * Returns 0, or -1 and errno: EPIPE when that one has ended already.
 */
int end_with_parent(void);

#endif
