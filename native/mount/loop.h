/* Loop devices; loop(4). */
#ifndef CASTLE_MOUNT_LOOP_H
#define CASTLE_MOUNT_LOOP_H

enum { LOOP_PATH_SIZE = 32 };

/*
 * Makes an image a block device that vanishes with its last user: while nothing else has the device, the caller's
 * descriptor keeps it, and however the caller ends, the kernel frees it.
 *
 * image  descriptor of the file, open for reading and writing
 * path   gets the device's path
 *
 * Returns a descriptor of the device, or -1 and errno.
 */
int open_loop_device(int image, char path[LOOP_PATH_SIZE]);

/*
 * Opens a loop device that has an image already.
 *
 * image  descriptor of the file
 * path   of the device
 *
 * Returns a descriptor, which keeps the image on the device as a mount does, or -1 and errno: ENXIO when it has another
 * file, or none any more.
 */
int open_same_device(int image, const char *path);

/*
 * Lets a loop device that has an image be as large as that has become.
 *
 * image  descriptor of the file
 * path   of the device
 *
 * Returns a descriptor of the device, or -1 and errno: ENXIO when it has another file, or none.
 */
int take_new_size(int image, const char *path);

#endif
