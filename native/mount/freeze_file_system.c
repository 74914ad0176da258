/* See freeze_file_system.h. */
#include "freeze_file_system.h"
#include "mount_calls.h"
#include "report.h"
#include "superblock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>

/* From linux/fs.h (Linux 2.6.29), which musl-gcc does not see; ioctl_fs(2). */
#define FIFREEZE _IOWR('X', 119, int)
#define FITHAW _IOWR('X', 120, int)

static int mount_device(const char *type, const char *device, int readonly)
{
    int context = open_file_system(type);
    int tree, error;

    if (context == -1)
        return -1;
    if (configure_string(context, "source", device) != 0 || (readonly && configure_flag(context, "ro") != 0) ||
        configure_create(context) != 0)
        tree = -1;
    else
        tree = mount_file_system(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    error = errno;
    close(context);
    errno = error;
    return tree;
}

/*
 * Mounts a device that is mounted already. The kernel uses the existing file system, frozen or not. The call fails with
 * EBUSY when only one of the two mounts is read-only.
 */
static int mount_device_again(const char *type, const char *device)
{
    int tree = mount_device(type, device, 0);

    return tree == -1 && errno == EBUSY ? mount_device(type, device, 1) : tree;
}

/* Whether a file system uses the device, wherever it is mounted, frozen or not: open(2), O_EXCL without O_CREAT. */
static int is_in_use(const char *device)
{
    int alone = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);

    if (alone == -1)
        return errno == EBUSY;
    close(alone);
    return 0;
}

/*
 * Opens the root folder of the file system that uses a device. The device stays open, so that its number cannot pass to
 * another device meanwhile.
 *
 * step  gets the name of the step that failed
 *
 * Returns a descriptor, or -1 and errno: ENXIO when the device is not in use.
 */
static int open_mounted(const char *uuid, const char *device, const char **step)
{
    const char *type;
    int descriptor, tree;

    *step = "device";
    descriptor = open(device, O_RDONLY | O_CLOEXEC);
    if (descriptor == -1)
        return -1;
    *step = "identity";
    type = identify(descriptor, uuid);
    if (type == NULL)
        return -1;
    *step = "unused";
    if (!is_in_use(device)) {
        errno = ENXIO;
        return -1;
    }
    *step = "file-system";
    tree = mount_device_again(type, device);
    return tree == -1 ? -1 : openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static long long milliseconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail for this clock */
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Waits for the end of standard input. Returns whether it came before the time limit. */
static int wait_for_end_of_input(long long deadline)
{
    struct pollfd watch = {.fd = STDIN_FILENO, .events = POLLIN};
    long long left;

    while ((left = deadline - milliseconds_now()) > 0) {
        char byte;

        if (poll(&watch, 1, (int)left) > 0 && read(STDIN_FILENO, &byte, 1) <= 0)
            return 1;
    }
    return 0;
}

int freeze_device(const char *uuid, const char *device, int milliseconds)
{
    long long deadline = milliseconds_now() + milliseconds;
    const char *step;
    sigset_t all;
    int root, in_time;

    /* ^C reaches the castle and this process. Only the end of the castle counts: it closes standard input. */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    root = open_mounted(uuid, device, &step);
    if (root == -1)
        return report_failure(step);
    if (ioctl(root, (int)FIFREEZE, 0) != 0)
        return report_failure("freeze");
    /* The point of no return: from here on the file system must be thawed on every path. */
    print("frozen\n");
    in_time = wait_for_end_of_input(deadline);
    if (ioctl(root, (int)FITHAW, 0) != 0)
        return report_failure("thaw"); /* another process has thawed it, so the copy may be inconsistent */
    print(in_time ? "thawed\n" : "late\n");
    return 0;
}

int thaw_device(const char *uuid, const char *device)
{
    const char *step;
    int root = open_mounted(uuid, device, &step);

    if (root == -1)
        return errno == ENXIO ? report_success(0) : report_failure(step);
    /* EINVAL: the file system is not frozen. */
    if (ioctl(root, (int)FITHAW, 0) != 0 && errno != EINVAL)
        return report_failure("thaw");
    return report_success(0);
}
