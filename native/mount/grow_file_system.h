/* Growing mounted file systems. */
#ifndef CASTLE_MOUNT_GROW_FILE_SYSTEM_H
#define CASTLE_MOUNT_GROW_FILE_SYSTEM_H

/*
 * Grows a mounted file system to the size of its device. A file system that already has that size is not changed.
 *
 * root    descriptor of a folder of the file system, open for reading
 * device  descriptor of its block device
 * type    `ext4` or `xfs`
 *
 * Returns 0, or -1 and errno.
 */
int grow_file_system(int root, int device, const char *type);

#endif
