/*
 * castle-mount: one privileged act in a container's mount namespace, then the end.
 *
 *   castle-mount mount SOURCE TARGET 3<NAMESPACE 4<ROOT     bind SOURCE (host path) on TARGET (container path)
 *   castle-mount unmount TARGET ID 3<NAMESPACE 4<ROOT       take the mount with that id away from TARGET
 *
 * Descriptor 3 is the mount namespace of a process in the container: a number could have changed hands. Descriptor 4 is
 * that process's root folder, where TARGET begins: not the namespace's own when the process has called chroot. On success one line `ID` on stdout: the mount's
 * id as the container sees it. On failure one line `STEP ERRNO` on stdout and exit 1; the castle makes the sentence of it.
 *
 * It is a program of its own, single-threaded, because setns(CLONE_NEWNS) is refused to a process whose threads share
 * their root (setns(2)); and it never executes anything after setns: the files there are the container's, the rights
 * are the host's. Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT; Linux 5.12.
 */
#include "kernel.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

enum { NAMESPACE = 3, ROOT = 4 };
#define PROPAGATION_PRIVATE (1UL << 18) /* MS_PRIVATE */

static void print(const char *text)
{
    ssize_t written = write(STDOUT_FILENO, text, strlen(text));

    (void)written; /* nobody is left to tell */
}

static void print_number(uint64_t number)
{
    char digits[24], *start = digits + sizeof digits - 1;

    *start = '\0';
    do
        *--start = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    print(start);
}

static int failed(const char *step)
{
    int error = errno;

    print(step);
    print(" ");
    print_number((uint64_t)error);
    print("\n");
    return 1;
}

static int done(uint64_t id)
{
    print_number(id);
    print("\n");
    return 0;
}

/* An attacker owns everything that is reached by a path from here on. */
static int enter_container(void)
{
    return setns(NAMESPACE, CLONE_NEWNS) == 0 && fchdir(ROOT) == 0 ? chroot(".") : -1;
}

static int do_mount(const char *source, const char *target)
{
    const struct mount_attributes attributes = {
        /* The volume's content is written by the container: no setuid program or device node in it may count. */
        .set = MOUNT_ATTR_NOSUID_ | MOUNT_ATTR_NODEV_,
        /* Otherwise what the host mounts below the source later would appear in the container. */
        .propagation = PROPAGATION_PRIVATE,
    };
    uint64_t id;
    int tree, folder;

    /* The clone is taken before setns, where the path is the host's; it hangs nowhere until it is attached. */
    tree = open_tree_clone(source);
    if (tree == -1)
        return failed("source");
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

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "mount") == 0)
        return do_mount(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "unmount") == 0)
        return do_unmount(argv[2], strtoull(argv[3], NULL, 10));
    print("usage: castle-mount mount SOURCE TARGET 3<NAMESPACE 4<ROOT\n"
          "       castle-mount unmount TARGET ID 3<NAMESPACE 4<ROOT\n");
    return 64;
}
