/* Mounted file systems that become as large as their device. */
#ifndef CASTLE_MOUNT_GROW_H
#define CASTLE_MOUNT_GROW_H

/*
 * Lets a mounted file system fill its device. One that does already stays as it is.
 *
 * root    descriptor of a folder of the file system, open for reading
 * device  descriptor of its block device
 * type    `ext4` or `xfs`
 *
 * Returns 0, or -1 and errno.
 */
int fill_device(int root, int device, const char *type);

#endif
