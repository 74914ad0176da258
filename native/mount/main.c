/*
 * castle-mount: one privileged act in a container's mount namespace, then the end.
 *
 *   castle-mount mount rw|ro SOURCE TARGET [ids] 3<NAMESPACE 4<ROOT
 *       bind SOURCE (host path) on TARGET (container path)
 *   castle-mount mount-image rw|ro TYPE UUID TARGET new|DEVICE [ids] 3<NAMESPACE 4<ROOT 5<>IMAGE
 *       mount the file system in an image on TARGET, by a new loop device, which vanishes with the last mount of it, or by
 *       the one that has the image already
 *   castle-mount mount-device rw|ro TYPE UUID DEVICE TARGET [ids] 3<NAMESPACE 4<ROOT 5<>DEVICE
 *       mount the file system on a block device of the host on TARGET
 *   castle-mount mount-nfs rw|ro SOURCE OPTIONS TARGET 3<NAMESPACE 4<ROOT
 *       mount a folder of an NFS server on TARGET
 *   castle-mount export SOURCE OPTIONS ACT ARGUMENT...
 *       do something on an export of an NFS server, in no mount namespace; the acts are in export.c
 *   castle-mount grow TYPE DEVICE TARGET 3<NAMESPACE 4<ROOT 5<>IMAGE
 *       let the file system on TARGET, which is on that device, become as large as it, or as the image behind it
 *   castle-mount unmount TARGET ID 3<NAMESPACE 4<ROOT
 *       take the mount with that id away from TARGET
 *   castle-mount freeze UUID DEVICE MILLISECONDS
 *       let the mounted file system of a block device stand still until standard input ends, or that long; `frozen` on
 *       stdout, then `thawed` or `late`
 *   castle-mount thaw UUID DEVICE
 *       end that, whoever began it
 *   castle-mount replay TYPE UUID new|DEVICE 5<>IMAGE
 *       mount the file system in an image nowhere, or that on a block device, so that its journal is replayed, and take it
 *       down again
 *
 * Descriptor 3 is the mount namespace of a process in the container: a number could have changed hands. Descriptor 4 is
 * that process's root folder, where TARGET begins: not the namespace's own when the process has called chroot. Descriptor
 * 5 is an image or a block device, open for reading and writing. With `ids` it asks the castle whose files are whose
 * (ids.h). On success one line `ID` on stdout: the mount's id as the container sees
 * it. On failure one line `STEP ERRNO` on stdout and exit 1; the castle makes the sentence of it.
 *
 * It is a program of its own, single-threaded, because setns(CLONE_NEWNS) is refused to a process whose threads share
 * their root (setns(2)); and it never executes anything after setns: the files there are the container's, the rights
 * are the host's. Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT; Linux 5.12.
 */
#include "answer.h"
#include "device.h"
#include "export.h"
#include "freeze.h"
#include "grow.h"
#include "ids.h"
#include "image.h"
#include "kernel.h"
#include "loop.h"
#include "nfs.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { NAMESPACE = 3, ROOT = 4, IMAGE = 5 };
#define PROPAGATION_PRIVATE (1UL << 18) /* MS_PRIVATE */

/* An attacker owns everything that is reached by a path from here on. */
static int enter_container(void)
{
    return setns(NAMESPACE, CLONE_NEWNS) == 0 && fchdir(ROOT) == 0 ? chroot(".") : -1;
}

static int do_mount(int readonly, const char *source, const char *target, int ask)
{
    const struct mount_attributes attributes = {
        /* The volume's content is written by the container: no setuid program or device node in it may count. */
        .set = MOUNT_ATTR_NOSUID_ | MOUNT_ATTR_NODEV_ | (readonly ? MOUNT_ATTR_RDONLY_ : 0),
        /* Otherwise what the host mounts below the source later would appear in the container. */
        .propagation = PROPAGATION_PRIVATE,
    };
    const char *step;
    uint64_t id;
    int tree, folder;

    /* The clone is taken before setns, where the path is the host's; it hangs nowhere until it is attached. */
    tree = open_tree_clone(source);
    if (tree == -1)
        return failed("source");
    if (ask && settle_ids(tree, &step) != 0)
        return failed(step);
    if (set_mount_attributes(tree, &attributes) != 0)
        return failed("attributes");
    if (mount_id(tree, &id) != 0)
        return failed("id");
    if (enter_container() != 0)
        return failed("enter");
    folder = open_folder(target);
    if (folder == -1)
        return failed("target");
    if (attach(tree, folder) != 0)
        return failed("attach");
    /* From here on it is mounted; nothing below may fail. */
    return done(id);
}

/* Attaches a mount to a folder that was found from outside: it stays the same one inside. */
static int attach_inside(int tree, int folder)
{
    uint64_t id;

    if (mount_id(tree, &id) != 0)
        return failed("id");
    if (setns(NAMESPACE, CLONE_NEWNS) != 0)
        return failed("enter");
    if (attach(tree, folder) != 0)
        return failed("attach");
    /* From here on it is mounted; nothing below may fail. */
    return done(id);
}

/* path  of the block device; NULL: the image is a file */
static int do_mount_image(const struct image *image, const char *path, const char *target, int ask)
{
    const char *step;
    int tree, folder;

    /* First, because a file system is written to when it is mounted: a slip in the path must not be the cause. */
    folder = open_folder_in(ROOT, target, O_PATH);
    if (folder == -1)
        return failed("target");
    tree = path == NULL ? mount_image(image, &step) : mount_block_device(image, path, &step);
    if (tree == -1)
        return failed(step);
    if (ask && settle_ids(tree, &step) != 0)
        return failed(step);
    return attach_inside(tree, folder);
}

static int do_mount_nfs(int readonly, const char *source, char *options, const char *target)
{
    char log[LOG_SIZE];
    int tree, folder;

    /* Another host may get the volume once the castle has ended and a later one has found no mount. */
    if (end_with_parent() != 0)
        return failed("parent");
    folder = open_folder_in(ROOT, target, O_PATH);
    if (folder == -1)
        return failed("target");
    tree = mount_nfs(source, options, MOUNT_ATTR_NOSUID_ | MOUNT_ATTR_NODEV_ | (readonly ? MOUNT_ATTR_RDONLY_ : 0), log);
    if (tree == -1)
        return failed("nfs");
    return attach_inside(tree, folder);
}

static int do_grow(const char *type, const char *path, const char *target)
{
    struct stat device_status, folder_status;
    uint64_t id;
    int device, folder;

    device = is_block_device(IMAGE) ? open_device_again(IMAGE, path) : take_new_size(IMAGE, path);
    if (device == -1)
        return failed("loop");
    folder = open_folder_in(ROOT, target, O_RDONLY);
    if (folder == -1)
        return failed("target");
    if (fstat(device, &device_status) != 0 || fstat(folder, &folder_status) != 0 || mount_id(folder, &id) != 0)
        return failed("id");
    /* The container may have another mount over it. */
    if (device_status.st_rdev != folder_status.st_dev) {
        errno = ENXIO;
        return failed("mount");
    }
    if (fill_device(folder, device, type) != 0)
        return failed("grow");
    return done(id);
}

/* path  of the block device; NULL: the copy is a file */
static int do_replay(const char *type, const char *uuid, const char *path)
{
    const struct image copy = {.file = IMAGE, .type = type, .uuid = uuid, .is_copy = 1};
    const char *step;
    int error = path == NULL ? replay_journal(&copy, &step) : replay_block_device(&copy, path, &step);

    return error == 0 ? done(0) : failed(step);
}

static int do_unmount(const char *target, uint64_t expected)
{
    uint64_t id;
    int folder;

    if (enter_container() != 0)
        return failed("enter");
    folder = open_folder(target);
    if (folder == -1)
        return failed("target");
    if (mount_id(folder, &id) != 0)
        return failed("id");
    if (id != expected) {
        errno = ENOENT;
        return failed("mount");
    }
    close(folder); /* our own descriptor would keep it busy */
    /* The path may be changed under us now; all that can be hit is another mount of the same container. */
    if (umount2(target, UMOUNT_NOFOLLOW) != 0)
        return failed("unmount");
    return done(id);
}

static int is_mode(const char *mode)
{
    return strcmp(mode, "ro") == 0 || strcmp(mode, "rw") == 0;
}

int main(int argc, char **argv)
{
    int ask = argc > 5 && strcmp(argv[argc - 1], "ids") == 0;

    if (argc == 5 + ask && strcmp(argv[1], "mount") == 0 && is_mode(argv[2]))
        return do_mount(strcmp(argv[2], "ro") == 0, argv[3], argv[4], ask);
    if (argc == 7 + ask && strcmp(argv[1], "mount-image") == 0 && is_mode(argv[2])) {
        const struct image image = {
            .file = IMAGE,
            .readonly = strcmp(argv[2], "ro") == 0,
            .type = argv[3],
            .uuid = argv[4],
            .device = strcmp(argv[6], "new") == 0 ? NULL : argv[6],
        };

        return do_mount_image(&image, NULL, argv[5], ask);
    }
    if (argc == 7 + ask && strcmp(argv[1], "mount-device") == 0 && is_mode(argv[2])) {
        const struct image device = {
            .file = IMAGE,
            .readonly = strcmp(argv[2], "ro") == 0,
            .type = argv[3],
            .uuid = argv[4],
        };

        return do_mount_image(&device, argv[5], argv[6], ask);
    }
    if (argc == 6 && strcmp(argv[1], "mount-nfs") == 0 && is_mode(argv[2]))
        return do_mount_nfs(strcmp(argv[2], "ro") == 0, argv[3], argv[4], argv[5]);
    if (argc > 2 && strcmp(argv[1], "export") == 0) {
        int status = act_on_export(argc - 2, argv + 2);

        if (status != -1)
            return status;
    }
    if (argc == 5 && strcmp(argv[1], "grow") == 0)
        return do_grow(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "unmount") == 0)
        return do_unmount(argv[2], strtoull(argv[3], NULL, 10));
    if (argc == 5 && strcmp(argv[1], "freeze") == 0)
        return freeze_device(argv[2], argv[3], (int)strtol(argv[4], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "thaw") == 0)
        return thaw_device(argv[2], argv[3]);
    if (argc == 5 && strcmp(argv[1], "replay") == 0)
        return do_replay(argv[2], argv[3], strcmp(argv[4], "new") == 0 ? NULL : argv[4]);
    print("usage: castle-mount mount rw|ro SOURCE TARGET [ids] 3<NAMESPACE 4<ROOT\n"
          "       castle-mount mount-image rw|ro TYPE UUID TARGET new|DEVICE [ids] 3<NAMESPACE 4<ROOT 5<>IMAGE\n"
          "       castle-mount mount-device rw|ro TYPE UUID DEVICE TARGET [ids] 3<NAMESPACE 4<ROOT 5<>DEVICE\n"
          "       castle-mount mount-nfs rw|ro SOURCE OPTIONS TARGET 3<NAMESPACE 4<ROOT\n"
          "       castle-mount grow TYPE DEVICE TARGET 3<NAMESPACE 4<ROOT 5<>IMAGE\n"
          "       castle-mount unmount TARGET ID 3<NAMESPACE 4<ROOT\n"
          "       castle-mount freeze UUID DEVICE MILLISECONDS\n"
          "       castle-mount thaw UUID DEVICE\n"
          "       castle-mount replay TYPE UUID new|DEVICE 5<>IMAGE\n");
    print(export_usage);
    return 64;
}
