/* Mounting the file system in an image file, in no mount namespace yet. */
#ifndef CASTLE_MOUNT_MOUNT_IMAGE_H
#define CASTLE_MOUNT_MOUNT_IMAGE_H

struct image {
    /* Descriptor of the file, open for reading and writing. */
    int file;
    /* `ext4` or `xfs`, and the UUID that its file system must have. */
    const char *type, *uuid;
    /* Path of the loop device that has the file already; NULL: create one. */
    const char *device;
    int readonly;
    /* Whether it is a copy that still has the UUID of its original. */
    int is_copy;
};

/*
 * Gives the image a loop device, unless it has one, checks that this device holds the right file system, and mounts
 * that in no mount namespace. Closing the descriptor undoes all of it. Call it before setns: the paths are those of the
 * host.
 *
 * Another mount of the same image shares the file system. So read-only is a property of each mount, and the file system
 * itself is always writable.
 *
 * step    gets the name of the step that failed
 *
 * Returns a descriptor of the mount, or -1 and errno.
 */
int mount_image(const struct image *image, const char **step);

/* Mounts the file system on a device whose identity was checked. Returns a descriptor of the mount, or -1 and errno. */
int mount_device_path(const struct image *image, const char *device);

/*
 * Grows a file system to the size of its device, which may have grown while it was not mounted. A failure is not
 * reported: the file system keeps its size, and the castle grows it later.
 */
void grow_to_device(int tree, int device, const char *type);

/*
 * Mounts the file system of an image in no mount namespace, so that the kernel replays its journal, and unmounts it
 * again. The original with the same UUID, of which it is a copy, may be mounted.
 *
 * Returns 0, or -1 and errno.
 */
int replay_journal(const struct image *image, const char **step);

#endif
