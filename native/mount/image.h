/* A file system in an image, as a mount that hangs nowhere yet. */
#ifndef CASTLE_MOUNT_IMAGE_H
#define CASTLE_MOUNT_IMAGE_H

struct image {
    /* Descriptor of the file, open for reading and writing. */
    int file;
    /* `ext4` or `xfs`, and the UUID that its file system must have. */
    const char *type, *uuid;
    /* Path of the loop device that has the file already, or NULL. */
    const char *device;
    int readonly;
    /* Whether it is a copy that still has its original's UUID. */
    int is_copy;
};

/*
 * Gives the image a loop device, unless it has one, makes sure that this device holds the right file system, and mounts
 * that: not in this mount namespace or any other one. A second mount is one more of the same file system; so read-only
 * is each mount's own, and the file system itself can always be written. Closing the descriptor takes all of it back. The paths are the host's: call it
 * before setns.
 *
 * step    gets the name of the step that failed
 *
 * Returns a descriptor of the mount, or -1 and errno.
 */
int mount_image(const struct image *image, const char **step);

/* Mounts the file system on a device that is the right one. Returns a descriptor of the mount, or -1 and errno. */
int mount_by_path(const struct image *image, const char *device);

/*
 * Lets a file system fill its device, which may have grown while nobody had it. What did not grow is as good as it was:
 * nothing fails here.
 */
void take_up_growth(int tree, int device, const char *type);

/*
 * Mounts the file system of an image nowhere, so that the kernel replays its journal, and takes it down again. Another one
 * with the same UUID, of which it is a copy, may be mounted meanwhile.
 *
 * Returns 0, or -1 and errno.
 */
int replay_journal(const struct image *image, const char **step);

#endif
