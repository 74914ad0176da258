/*
 * castle-mount: performs one privileged operation for the castle, then exits.
 *
 *   castle-mount mount rw|ro SOURCE TARGET [ids] 3<NAMESPACE 4<ROOT
 *       bind SOURCE, a path of the host, on TARGET, a path of the container
 *   castle-mount mount-image rw|ro TYPE UUID TARGET new|DEVICE [ids] 3<NAMESPACE 4<ROOT 5<>IMAGE
 *       mount the file system in an image on TARGET, by a new loop device, which the kernel frees after its last mount,
 *       or by DEVICE, which has the image already
 *   castle-mount mount-device rw|ro TYPE UUID DEVICE TARGET [ids] 3<NAMESPACE 4<ROOT 5<>DEVICE
 *       mount the file system on a block device of the host on TARGET
 *   castle-mount mount-nfs rw|ro SOURCE OPTIONS TARGET 3<NAMESPACE 4<ROOT
 *       mount a folder of an NFS server on TARGET
 *   castle-mount export SOURCE OPTIONS ACTION ARGUMENT...
 *       run one action in an export of an NFS server, in no mount namespace; nfs_export.c has the actions
 *   castle-mount grow TYPE DEVICE TARGET 3<NAMESPACE 4<ROOT 5<>IMAGE
 *       grow the file system on TARGET, which is on DEVICE, to the size of the device, or of the image behind it
 *   castle-mount unmount TARGET ID 3<NAMESPACE 4<ROOT
 *       unmount the mount with that id from TARGET
 *   castle-mount freeze UUID DEVICE MILLISECONDS
 *       freeze the mounted file system of a block device until standard input ends, but at most that long; prints
 *       `frozen`, then `thawed` or `late`
 *   castle-mount thaw UUID DEVICE
 *       thaw it, whichever process froze it
 *   castle-mount replay TYPE UUID new|DEVICE 5<>IMAGE
 *       mount the file system in an image, or on a block device, in no mount namespace, so that the kernel replays its
 *       journal, and unmount it again
 *
 * Descriptor 3 is the mount namespace of a process in the container, opened by the castle: a pid could belong to
 * another process by now. Descriptor 4 is the root folder of that process, where TARGET begins; after a chroot it is
 * not the root of the namespace. Descriptor 5 is an image or a block device, open for reading and writing. With `ids`,
 * the castle sends the owner and an id map on standard input (idmap.h).
 *
 * On success it prints the id of the mount, as in the mountinfo of the container. On failure it prints `STEP ERRNO` and
 * exits with 1; the castle turns that into a message.
 *
 * Security. castle-mount runs with all rights of the host, and the container is hostile. What an attacker controls:
 *   TARGET       a path in the container, and every folder on it. Paths are opened with openat2(2) without symbolic and
 *                magic links, and the mount is attached to the descriptor and not to the path.
 *   content      of the volume. Set-user-ID programs and device nodes in it have no effect (MOUNT_ATTR_NOSUID, NODEV).
 *                The kernel must be safe against a damaged file system; only one that the castle created, with the
 *                expected UUID, is mounted.
 *   the process  in the container, which may end, or exec, at any time. Descriptors hold its namespace and root.
 * SOURCE, DEVICE, TYPE, UUID and OPTIONS come from the castle's configuration and records, never from a request.
 *
 * It is a separate program with one thread, because the kernel refuses setns(CLONE_NEWNS) to a process whose threads
 * share their root (setns(2)). It never executes a program after setns, because the files there belong to the
 * container, but the rights are those of the host. It needs CAP_SYS_ADMIN and CAP_SYS_CHROOT, and Linux 5.12.
 */
#include "block_device.h"
#include "freeze_file_system.h"
#include "grow_file_system.h"
#include "idmap.h"
#include "loop_device.h"
#include "mount_calls.h"
#include "mount_image.h"
#include "mount_nfs.h"
#include "nfs_export.h"
#include "report.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { NAMESPACE = 3, ROOT = 4, IMAGE = 5 };

/*
 * Changes to the mount namespace and the root folder of the container. From here on an attacker controls the target of
 * every path: the caller opens only TARGET, executes nothing and reads no file.
 */
static int enter_container(void)
{
    return setns(NAMESPACE, CLONE_NEWNS) == 0 && fchdir(ROOT) == 0 ? chroot(".") : -1;
}

static int mount_folder(int readonly, const char *source, const char *target, int with_idmap)
{
    const struct mount_attr attributes = {
        /* The container writes the content: no set-user-ID program and no device node in it may have an effect. */
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (readonly ? MOUNT_ATTR_RDONLY : 0),
        /* Otherwise later mounts of the host below the source would propagate into the container. */
        .propagation = MS_PRIVATE,
    };
    const char *step;
    uint64_t id;
    int tree, folder;

    /* When the castle has ended and the next one finds no mount, another container may get the volume. */
    if (exit_with_parent() != 0)
        return report_failure("parent");
    /* Before setns, while the path is one of the host. The clone is in no mount namespace until it is attached. */
    tree = open_tree_clone(source);
    if (tree == -1)
        return report_failure("source");
    if (with_idmap && apply_idmap(tree, &step) != 0)
        return report_failure(step);
    if (set_mount_attributes(tree, &attributes) != 0)
        return report_failure("attributes");
    if (mount_id(tree, &id) != 0)
        return report_failure("id");
    if (enter_container() != 0)
        return report_failure("enter");
    folder = open_folder(target);
    if (folder == -1)
        return report_failure("target");
    if (attach(tree, folder) != 0)
        return report_failure("attach");
    /* The point of no return: it is mounted, and nothing below may fail. */
    return report_success(id);
}

/*
 * Attaches a mount to a folder of the container that was opened before setns. The descriptor refers to the same folder,
 * even if the container has renamed it or mounted over it meanwhile.
 */
static int attach_in_container(int tree, int folder)
{
    uint64_t id;

    if (mount_id(tree, &id) != 0)
        return report_failure("id");
    if (setns(NAMESPACE, CLONE_NEWNS) != 0)
        return report_failure("enter");
    if (attach(tree, folder) != 0)
        return report_failure("attach");
    /* The point of no return: it is mounted, and nothing below may fail. */
    return report_success(id);
}

/* path: of the block device; NULL when the image is a file. */
static int mount_image_in_container(const struct image *image, const char *path, const char *target, int with_idmap)
{
    const char *step;
    int tree, folder;

    /* The target is opened first: mounting a file system writes to it, and a wrong target must not cause that. */
    folder = open_folder_in(ROOT, target, O_PATH);
    if (folder == -1)
        return report_failure("target");
    tree = path == NULL ? mount_image(image, &step) : mount_block_device(image, path, &step);
    if (tree == -1)
        return report_failure(step);
    if (with_idmap && apply_idmap(tree, &step) != 0)
        return report_failure(step);
    return attach_in_container(tree, folder);
}

static int mount_nfs_in_container(int readonly, const char *source, char *options, const char *target)
{
    char log[LOG_SIZE];
    int tree, folder;

    /* When the castle has ended and the next one finds no mount, another host may get the volume. */
    if (exit_with_parent() != 0)
        return report_failure("parent");
    folder = open_folder_in(ROOT, target, O_PATH);
    if (folder == -1)
        return report_failure("target");
    tree = mount_nfs(source, options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (readonly ? MOUNT_ATTR_RDONLY : 0), log);
    if (tree == -1)
        return report_failure("nfs");
    return attach_in_container(tree, folder);
}

static int grow_in_container(const char *type, const char *path, const char *target)
{
    struct stat device_status, folder_status;
    uint64_t id;
    int device, folder;

    device = is_block_device(IMAGE) ? reopen_block_device(IMAGE, path) : update_loop_size(IMAGE, path);
    if (device == -1)
        return report_failure("loop");
    folder = open_folder_in(ROOT, target, O_RDONLY);
    if (folder == -1)
        return report_failure("target");
    if (fstat(device, &device_status) != 0 || fstat(folder, &folder_status) != 0 || mount_id(folder, &id) != 0)
        return report_failure("id");
    /* The container may have put another mount on top, which must not be unmounted. */
    if (device_status.st_rdev != folder_status.st_dev) {
        errno = ENXIO;
        return report_failure("mount");
    }
    if (grow_file_system(folder, device, type) != 0)
        return report_failure("grow");
    return report_success(id);
}

/* path: of the block device; NULL when the copy is a file. */
static int replay(const char *type, const char *uuid, const char *path)
{
    const struct image copy = {.file = IMAGE, .type = type, .uuid = uuid, .is_copy = 1};
    const char *step;
    int error = path == NULL ? replay_journal(&copy, &step) : replay_block_device(&copy, path, &step);

    return error == 0 ? report_success(0) : report_failure(step);
}

static int unmount(const char *target, uint64_t expected)
{
    uint64_t id;
    int folder;

    if (enter_container() != 0)
        return report_failure("enter");
    folder = open_folder(target);
    if (folder == -1)
        return report_failure("target");
    if (mount_id(folder, &id) != 0)
        return report_failure("id");
    if (id != expected) {
        errno = ENOENT;
        return report_failure("mount");
    }
    close(folder); /* an open descriptor would keep the mount busy */
    /*
     * The container may change the path between the check and this call, so that this call unmounts another mount. That
     * can only be a mount of the same container, because this process is in its mount namespace.
     */
    if (umount2(target, UMOUNT_NOFOLLOW) != 0)
        return report_failure("unmount");
    return report_success(id);
}

static int is_mode(const char *mode)
{
    return strcmp(mode, "ro") == 0 || strcmp(mode, "rw") == 0;
}

int main(int argc, char **argv)
{
    int with_idmap = argc > 5 && strcmp(argv[argc - 1], "ids") == 0;

    if (argc == 5 + with_idmap && strcmp(argv[1], "mount") == 0 && is_mode(argv[2]))
        return mount_folder(strcmp(argv[2], "ro") == 0, argv[3], argv[4], with_idmap);
    if (argc == 7 + with_idmap && strcmp(argv[1], "mount-image") == 0 && is_mode(argv[2])) {
        const struct image image = {
            .file = IMAGE,
            .readonly = strcmp(argv[2], "ro") == 0,
            .type = argv[3],
            .uuid = argv[4],
            .device = strcmp(argv[6], "new") == 0 ? NULL : argv[6],
        };

        return mount_image_in_container(&image, NULL, argv[5], with_idmap);
    }
    if (argc == 7 + with_idmap && strcmp(argv[1], "mount-device") == 0 && is_mode(argv[2])) {
        const struct image device = {
            .file = IMAGE,
            .readonly = strcmp(argv[2], "ro") == 0,
            .type = argv[3],
            .uuid = argv[4],
        };

        return mount_image_in_container(&device, argv[5], argv[6], with_idmap);
    }
    if (argc == 6 && strcmp(argv[1], "mount-nfs") == 0 && is_mode(argv[2]))
        return mount_nfs_in_container(strcmp(argv[2], "ro") == 0, argv[3], argv[4], argv[5]);
    if (argc > 2 && strcmp(argv[1], "export") == 0) {
        int status = run_export_action(argc - 2, argv + 2);

        if (status != -1)
            return status;
    }
    if (argc == 5 && strcmp(argv[1], "grow") == 0)
        return grow_in_container(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "unmount") == 0)
        return unmount(argv[2], strtoull(argv[3], NULL, 10));
    if (argc == 5 && strcmp(argv[1], "freeze") == 0)
        return freeze_device(argv[2], argv[3], (int)strtol(argv[4], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "thaw") == 0)
        return thaw_device(argv[2], argv[3]);
    if (argc == 5 && strcmp(argv[1], "replay") == 0)
        return replay(argv[2], argv[3], strcmp(argv[4], "new") == 0 ? NULL : argv[4]);
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
