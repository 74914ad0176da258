/* Which file system a device holds, by its own word: the first superblock. */
#ifndef CASTLE_MOUNT_SUPERBLOCK_H
#define CASTLE_MOUNT_SUPERBLOCK_H

/*
 * Whether a device holds the file system that is meant.
 *
 * type  `ext4` or `xfs`
 * uuid  in the form 8-4-4-4-12, lower case
 *
 * Returns 0, or -1 and errno: EUCLEAN when there is no such superblock, ESTALE when it is another file system's,
 * EINVAL for another type.
 */
int check_identity(int device, const char *type, const char *uuid);

/*
 * Which type of file system a device holds, when it is the one that is meant.
 *
 * Returns `ext4` or `xfs`, or NULL and errno: EUCLEAN when there is no superblock of either, ESTALE when it is another
 * file system's.
 */
const char *type_of(int device, const char *uuid);

#endif
