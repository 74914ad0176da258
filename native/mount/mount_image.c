/* See mount_image.h. */
#include "mount_image.h"
#include "grow_file_system.h"
#include "loop_device.h"
#include "mount_calls.h"
#include "superblock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int set_options(int context, const struct image *image, const char *device)
{
    if (configure_string(context, "source", device) != 0)
        return -1;
    /* xfs refuses to mount a UUID that is mounted already. A copy has the UUID of its original at first. */
    if (image->is_copy && strcmp(image->type, "xfs") == 0 && configure_flag(context, "nouuid") != 0)
        return -1;
    /* ext4 becomes read-only when it detects damage, which limits the damage. xfs shuts down without an option. */
    if (strcmp(image->type, "ext4") == 0 && configure_string(context, "errors", "remount-ro") != 0)
        return -1;
    return configure_create(context);
}

int mount_device_path(const struct image *image, const char *device)
{
    unsigned int attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    int context = open_file_system(image->type);
    int tree, error;

    if (context == -1)
        return -1;
    if (image->readonly)
        attributes |= MOUNT_ATTR_RDONLY;
    tree = set_options(context, image, device) == 0 ? mount_file_system(context, attributes) : -1;
    error = errno;
    close(context);
    errno = error;
    return tree;
}

/*
 * A hole in an image has no blocks on the disk, so data written there is lost if the disk is full. The kernel makes
 * holes when a privileged process trims the file system. Allocates the blocks again; data does not change.
 */
static int fill_holes(int file)
{
    struct stat status;

    return fstat(file, &status) == 0 ? fallocate(file, 0, 0, status.st_size) : -1;
}

void grow_to_device(int tree, int device, const char *type)
{
    int root = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root == -1)
        return;
    (void)grow_file_system(root, device, type);
    close(root);
}

static int open_device(const struct image *image, char path[LOOP_PATH_SIZE])
{
    if (image->device == NULL)
        return create_loop_device(image->file, path);
    (void)snprintf(path, LOOP_PATH_SIZE, "%s", image->device);
    return reopen_loop_device(image->file, path);
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
    tree = mount_device_path(image, path);
    /* From here on the mount keeps the loop device. Until here the descriptor does, so a failure frees the device. */
    if (tree != -1 && !image->readonly)
        grow_to_device(tree, device, image->type);
    if (tree != -1)
        close(device);
    return tree;
}

int replay_journal(const struct image *image, const char **step)
{
    char path[LOOP_PATH_SIZE];
    int device, tree;

    *step = "loop";
    device = create_loop_device(image->file, path);
    if (device == -1)
        return -1;
    *step = "identity";
    if (check_identity(device, image->type, image->uuid) != 0)
        return -1;
    *step = "file-system";
    tree = mount_device_path(image, path);
    /* Closing the last descriptor of the mount unmounts it, which writes all data. Then the loop device is freed. */
    return tree != -1 && close(tree) == 0 && close(device) == 0 ? 0 : -1;
}
