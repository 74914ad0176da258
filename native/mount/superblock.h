/*
 * Identifies the file system on a device by its first superblock. The castle mounts a device only if that UUID is the
 * UUID of the volume: a device name may refer to another disk, whose data a mount would change.
 */
#ifndef CASTLE_MOUNT_SUPERBLOCK_H
#define CASTLE_MOUNT_SUPERBLOCK_H

/*
 * Checks that a device holds a file system of that type with that UUID.
 *
 * type  `ext4` or `xfs`
 * uuid  in the form 8-4-4-4-12, lower case
 *
 * Returns 0, or -1 and errno: EUCLEAN without such a superblock, ESTALE when it has another UUID,
 * EINVAL for another type.
 */
int check_identity(int device, const char *type, const char *uuid);

/*
 * Finds the type of the file system with that UUID on a device.
 *
 * Returns `ext4` or `xfs`, or NULL and errno: EUCLEAN when there is no superblock of either, ESTALE when it has another
 * UUID.
 */
const char *identify(int device, const char *uuid);

#endif
