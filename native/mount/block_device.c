/* See block_device.h. */
#include "block_device.h"
#include "superblock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int is_block_device(int file)
{
    struct stat status;

    return fstat(file, &status) == 0 && S_ISBLK(status.st_mode);
}

int reopen_block_device(int device, const char *path)
{
    struct stat held, opened;
    int again = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (again == -1)
        return -1;
    if (fstat(device, &held) == 0 && fstat(again, &opened) == 0 && S_ISBLK(opened.st_mode) &&
        held.st_rdev == opened.st_rdev)
        return again;
    close(again);
    errno = ESTALE;
    return -1;
}

/* The kernel has resolved the path again, so check that it mounted the same device. */
static int is_on(int tree, int device)
{
    struct stat mounted, held;

    return fstat(tree, &mounted) == 0 && fstat(device, &held) == 0 && mounted.st_dev == held.st_rdev;
}

int mount_block_device(const struct image *image, const char *path, const char **step)
{
    int again, tree;

    *step = "device";
    again = reopen_block_device(image->file, path);
    if (again == -1)
        return -1;
    close(again);
    *step = "identity";
    if (check_identity(image->file, image->type, image->uuid) != 0)
        return -1;
    *step = "file-system";
    tree = mount_device_path(image, path);
    if (tree == -1)
        return -1;
    if (!is_on(tree, image->file)) {
        close(tree);
        *step = "device";
        errno = ESTALE;
        return -1;
    }
    if (!image->readonly)
        grow_to_device(tree, image->file, image->type);
    return tree;
}

int replay_block_device(const struct image *image, const char *path, const char **step)
{
    int tree = mount_block_device(image, path, step);

    return tree == -1 ? -1 : close(tree);
}
