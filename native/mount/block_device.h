/* Mounting the file system on a block device of the host, in no mount namespace yet. */
#ifndef CASTLE_MOUNT_BLOCK_DEVICE_H
#define CASTLE_MOUNT_BLOCK_DEVICE_H

#include "mount_image.h"

/*
 * Mounts the file system on a block device, in no mount namespace, after a check of its superblock. Call it before
 * setns: the path is one of the host.
 *
 * Device names are reused: when a cloud volume is detached, another volume may get its name. So the castle passes a
 * descriptor too, and the path must lead to the same device, before and after the mount.
 *
 * image  its file is a descriptor of the device, open for reading and writing
 * path   of the same device; the kernel mounts by path only
 * step   gets the name of the step that failed
 *
 * Returns a descriptor of the mount, or -1 and errno: ESTALE when the path leads to another device.
 */
int mount_block_device(const struct image *image, const char *path, const char **step);

/*
 * Mounts the device in no mount namespace, so that the kernel replays the journal, and unmounts it again. The device
 * may be a copy of one that is mounted.
 *
 * Returns 0, or -1 and errno.
 */
int replay_block_device(const struct image *image, const char *path, const char **step);

int is_block_device(int file);

/* Opens the device by its path. Returns a descriptor, or -1 and errno: ESTALE when the path leads to another device. */
int reopen_block_device(int device, const char *path);

#endif
