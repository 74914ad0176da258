/* Id-mapped mounts: which users on the disk are which users in the container; mount_setattr(2), user_namespaces(7). */
#ifndef CASTLE_MOUNT_IDMAP_H
#define CASTLE_MOUNT_IDMAP_H

/*
 * Prints the owner of the root folder of a mount for the castle, as a line `owner UID GID`, then reads the
 * instructions of the castle from standard input until its end, one line each:
 *
 *   u DISK SEEN COUNT   show users with these ids on the disk as those ids, both in the user namespace of this process
 *   g DISK SEEN COUNT   the same for groups
 *   c UID GID           change the owner of the root folder, and of nothing below it
 *
 * The lines come from the castle, which read the maps of the container from /proc: a container cannot request the ids
 * of another user of the host.
 *
 * tree    descriptor of the mount, which is in no mount namespace yet
 * step    gets the name of the step that failed; `idmap`: the file system or the kernel does not support it
 *
 * Returns 0, or -1 and errno.
 */
int apply_idmap(int tree, const char **step);

#endif
