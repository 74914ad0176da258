/* A file system on a block device of the host, as a mount that hangs nowhere yet. */
#ifndef CASTLE_MOUNT_DEVICE_H
#define CASTLE_MOUNT_DEVICE_H

#include "image.h"

/*
 * Mounts the file system on a block device, after a look at the superblock: not in this mount namespace or any other one.
 * The path is the host's: call it before setns.
 *
 * image  its file is a descriptor of the device, open for reading and writing
 * path   of the same device; the kernel mounts by paths only
 * step   gets the name of the step that failed
 *
 * Returns a descriptor of the mount, or -1 and errno: ESTALE when the path leads to another device.
 */
int mount_block_device(const struct image *image, const char *path, const char **step);

/*
 * Mounts it nowhere, so that the kernel replays its journal, and takes it down again; the device may be a copy of one that
 * is mounted meanwhile.
 *
 * Returns 0, or -1 and errno.
 */
int replay_block_device(const struct image *image, const char *path, const char **step);

int is_block_device(int file);

/* Opens the device again by its path. Returns a descriptor, or -1 and errno: ESTALE when it is another one. */
int open_device_again(int device, const char *path);

#endif
