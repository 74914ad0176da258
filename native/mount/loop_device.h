/*
 * Loop devices; loop(4). Any process may take a free device, or the device of another image, at any time: so the image
 * of a device is compared by its inode after every step.
 */
#ifndef CASTLE_MOUNT_LOOP_DEVICE_H
#define CASTLE_MOUNT_LOOP_DEVICE_H

enum { LOOP_PATH_SIZE = 32 };

/*
 * Creates a loop device for an image. The kernel frees the device with its last user (LO_FLAGS_AUTOCLEAR). Until the
 * device is mounted, its only user is the descriptor of the caller, so the kernel frees it however the caller ends.
 *
 * image  descriptor of the file, open for reading and writing
 * path   gets the device's path
 *
 * Returns a descriptor of the device, or -1 and errno.
 */
int create_loop_device(int image, char path[LOOP_PATH_SIZE]);

/*
 * Opens the loop device that is attached to an image already.
 *
 * image  descriptor of the file
 * path   of the device
 *
 * Returns a descriptor, which keeps the loop device attached as a mount does, or -1 and errno: ENXIO when the device is
 * attached to another file, or to none.
 */
int reopen_loop_device(int image, const char *path);

/*
 * Updates the size of the loop device of an image that has grown.
 *
 * image  descriptor of the file
 * path   of the device
 *
 * Returns a descriptor of the device, or -1 and errno: ENXIO when the device is attached to another file, or to none.
 */
int update_loop_size(int image, const char *path);

#endif
