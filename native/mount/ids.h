/* Whose files are whose: idmapped mounts; mount_setattr(2), user_namespaces(7). */
#ifndef CASTLE_MOUNT_IDS_H
#define CASTLE_MOUNT_IDS_H

/*
 * Tells the castle who owns the root folder of a mount, one line `owner UID GID` on stdout, and does what it answers on
 * stdin, until its end, a line each:
 *
 *   u DISK SEEN COUNT   users with these ids on the disk are seen as those, ids as our own user namespace has them
 *   g DISK SEEN COUNT   the same for groups
 *   c UID GID           give the root folder, and nothing below it, to them
 *
 * tree    descriptor of the mount, which hangs nowhere yet
 * step    gets the name of the step that failed: `idmap` when it is the file system, or the kernel, that can't
 *
 * Returns 0, or -1 and errno.
 */
int settle_ids(int tree, const char **step);

#endif
