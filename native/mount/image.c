#include "image.h"
#include "grow.h"
#include "kernel.h"
#include "loop.h"
#include "superblock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int set_options(int context, const struct image *image, const char *device)
{
    if (configure_string(context, "source", device) != 0)
        return -1;
    /* xfs refuses a UUID that is mounted already; a copy has that of its original until it gets its own. */
    if (image->is_copy && strcmp(image->type, "xfs") == 0 && configure_flag(context, "nouuid") != 0)
        return -1;
    /* What ext4 finds wrong stops the writing, before it becomes worse; xfs shuts itself down without being told. */
    if (strcmp(image->type, "ext4") == 0 && configure_string(context, "errors", "remount-ro") != 0)
        return -1;
    return configure_create(context);
}

int mount_by_path(const struct image *image, const char *device)
{
    unsigned int attributes = MOUNT_ATTR_NOSUID_ | MOUNT_ATTR_NODEV_;
    int context = open_file_system(image->type);
    int tree, error;

    if (context == -1)
        return -1;
    if (image->readonly)
        attributes |= MOUNT_ATTR_RDONLY_;
    tree = set_options(context, image, device) == 0 ? mount_file_system(context, attributes) : -1;
    error = errno;
    close(context);
    errno = error;
    return tree;
}

/*
 * A hole in an image has no room of its own, and what is written there is lost when the disk is full. The kernel makes
 * holes when somebody with the right to trims the file system; here they are filled again, and all else stays as it is.
 */
static int fill_holes(int file)
{
    struct stat status;

    return fstat(file, &status) == 0 ? fallocate(file, 0, 0, status.st_size) : -1;
}

void take_up_growth(int tree, int device, const char *type)
{
    int root = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root == -1)
        return;
    (void)fill_device(root, device, type);
    close(root);
}

static int open_device(const struct image *image, char path[LOOP_PATH_SIZE])
{
    if (image->device == NULL)
        return open_loop_device(image->file, path);
    (void)snprintf(path, LOOP_PATH_SIZE, "%s", image->device);
    return open_same_device(image->file, path);
}

int mount_image(const struct image *image, const char **step)
{
    char path[LOOP_PATH_SIZE];
    int device, tree;

    *step = "space";
    if (!image->readonly && fill_holes(image->file) != 0)
        return -1;
    *step = image->device == NULL ? "loop" : "device";
    device = open_device(image, path);
    if (device == -1)
        return -1;
    *step = "identity";
    if (check_identity(device, image->type, image->uuid) != 0)
        return -1;
    *step = "file-system";
    tree = mount_by_path(image, path);
    /* From here on the mount keeps the device; without it, the descriptor's end would free that. */
    if (tree != -1 && !image->readonly)
        take_up_growth(tree, device, image->type);
    if (tree != -1)
        close(device);
    return tree;
}

int replay_journal(const struct image *image, const char **step)
{
    char path[LOOP_PATH_SIZE];
    int device, tree;

    *step = "loop";
    device = open_loop_device(image->file, path);
    if (device == -1)
        return -1;
    *step = "identity";
    if (check_identity(device, image->type, image->uuid) != 0)
        return -1;
    *step = "file-system";
    tree = mount_by_path(image, path);
    /* The end of the last descriptor unmounts, and writes what is left to write: after that the device goes. */
    return tree != -1 && close(tree) == 0 && close(device) == 0 ? 0 : -1;
}
