#include "freeze.h"
#include "answer.h"
#include "kernel.h"
#include "superblock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>

/* linux/fs.h, which musl-gcc does not see; ioctl_fs(2) of later man-pages. */
#define FIFREEZE_ _IOWR('X', 119, int)
#define FITHAW_ _IOWR('X', 120, int)

static int mount_once(const char *type, const char *device, int readonly)
{
    int context = open_file_system(type);
    int tree, error;

    if (context == -1)
        return -1;
    if (configure_string(context, "source", device) != 0 || (readonly && configure_flag(context, "ro") != 0) ||
        configure_create(context) != 0)
        tree = -1;
    else
        tree = mount_file_system(context, MOUNT_ATTR_NOSUID_ | MOUNT_ATTR_NODEV_);
    error = errno;
    close(context);
    errno = error;
    return tree;
}

/*
 * A device that is mounted is mounted once more: the kernel gives the file system that is there, frozen or not. It says
 * EBUSY when one of the two is to be read-only.
 */
static int mount_again(const char *type, const char *device)
{
    int tree = mount_once(type, device, 0);

    return tree == -1 && errno == EBUSY ? mount_once(type, device, 1) : tree;
}

/* Whether a file system, mounted anywhere or frozen, has the device: open(2), O_EXCL without O_CREAT. */
static int is_in_use(const char *device)
{
    int alone = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);

    if (alone == -1)
        return errno == EBUSY;
    close(alone);
    return 0;
}

/*
 * Opens the root folder of the file system that a device has in use. The device stays open: so its number does not change
 * hands meanwhile.
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
    type = type_of(descriptor, uuid);
    if (type == NULL)
        return -1;
    *step = "unused";
    if (!is_in_use(device)) {
        errno = ENXIO;
        return -1;
    }
    *step = "file-system";
    tree = mount_again(type, device);
    return tree == -1 ? -1 : openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static long long milliseconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now); /* a known clock: it cannot fail */
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Waits for the end of standard input. Returns whether it came in time. */
static int wait_for_end(long long deadline)
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

    /* ^C goes to the castle and to us; it is the castle's end that counts, and that closes our standard input. */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    root = open_mounted(uuid, device, &step);
    if (root == -1)
        return failed(step);
    if (ioctl(root, (int)FIFREEZE_, 0) != 0)
        return failed("freeze");
    /* From here on nothing may keep us from thawing. */
    print("frozen\n");
    in_time = wait_for_end(deadline);
    if (ioctl(root, (int)FITHAW_, 0) != 0)
        return failed("thaw"); /* somebody else thawed it before: what was copied meanwhile is not to be trusted */
    print(in_time ? "thawed\n" : "late\n");
    return 0;
}

int thaw_device(const char *uuid, const char *device)
{
    const char *step;
    int root = open_mounted(uuid, device, &step);

    if (root == -1)
        return errno == ENXIO ? done(0) : failed(step);
    /* EINVAL: it is not frozen. */
    if (ioctl(root, (int)FITHAW_, 0) != 0 && errno != EINVAL)
        return failed("thaw");
    return done(0);
}
