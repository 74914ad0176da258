/*
 * Counts and interrupts the steps of a castle: a library for LD_PRELOAD. CASTLE_STEPS names a file with the order, which
 * the library and the test both map (crash-points.ts has the same layout).
 *
 * A step is a call that changes the state on disk: a system call on the store (LMDB's writes and flushes) or on a
 * backend's files (Node uses the same libc), and the start and the end of each program that the castle runs. At the ordered
 * step the castle is killed before or after the call, or the call fails as on a full disk. Or the castle stops itself with
 * all its threads (SIGSTOP) before every step, so that the test can inspect the state at that moment.
 *
 * Only the steps of `node FILE serve` are counted, not those of programs that it runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum moment { NEVER, BEFORE, AFTER, FAILS_ONCE, FAILS_ON, STOPS };

struct order {
    _Atomic int moment;
    int at; /* counts from 1 */
    _Atomic int counted;
    _Atomic int struck; /* the interrupted step; 0: none yet */
    _Atomic int sent;   /* writes to sockets other than standard output and error: responses, and requests to other services */
    _Atomic int stopping; /* number of threads in stop(): each may still stop the castle */
    char what[232];
};

static struct order *order;

/*
 * A step: the call and its operand, which is `path` or `fd`. `error` is the errno of the call on a full disk; 0 if it
 * cannot fail.
 */
struct step {
    const char *call;
    const char *path;
    int fd;
    int error;
    int finds_room; /* fails only if it is the ordered step itself */
    int number;     /* counted from 1; 0 without an order */
};

__attribute__((constructor)) static void begin(int argc, char **argv)
{
    const char *file = getenv("CASTLE_STEPS");
    int fd;

    if (file == NULL || argc < 3 || strcmp(argv[2], "serve") != 0)
        return;
    fd = open(file, O_RDWR | O_CLOEXEC);
    if (fd == -1)
        abort();
    order = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (order == MAP_FAILED)
        abort();
    close(fd);
    unsetenv("LD_PRELOAD");
}

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        abort();
    return found;
}

static void describe(const struct step *step)
{
    char link[40], path[180] = "";
    ssize_t length;

    if (step->path != NULL) {
        (void)snprintf(path, sizeof path, " %s", step->path);
    } else if (step->fd >= 0) {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", step->fd);
        length = readlink(link, path + 1, sizeof path - 2);
        if (length > 0)
            path[0] = ' ';
    }
    (void)snprintf(order->what, sizeof order->what, "%s%s", step->call, path);
    atomic_store(&order->struck, step->number);
}

static void die(const struct step *step)
{
    describe(step);
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Stops the castle before a step, unless the order was withdrawn meanwhile. */
static void stop(struct step *step)
{
    atomic_fetch_add(&order->stopping, 1);
    if (atomic_load(&order->moment) == STOPS) {
        step->number = atomic_fetch_add(&order->counted, 1) + 1;
        /* To this thread, so that it stops before it returns from the call; the others stop with it. */
        syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGSTOP);
    }
    atomic_fetch_sub(&order->stopping, 1);
}

/* Counts a step before its call. Returns 0, or -1 with errno set if the call must fail. */
static int enter(struct step *step)
{
    int moment = order == NULL ? NEVER : atomic_load(&order->moment);

    if (moment == NEVER || ((moment == FAILS_ONCE || moment == FAILS_ON) && step->error == 0))
        return 0;
    /* A flush (EIO) fails once, as on a broken disk: a full disk still flushes what it has stored. */
    if (moment == FAILS_ON && step->error == EIO)
        return 0;
    if (moment == STOPS) {
        stop(step);
        return 0;
    }
    step->number = atomic_fetch_add(&order->counted, 1) + 1;
    if (moment == BEFORE && step->number == order->at)
        die(step);
    if (step->number == order->at ? moment == FAILS_ONCE || moment == FAILS_ON
                                  : moment == FAILS_ON && step->number > order->at && !step->finds_room) {
        describe(step);
        errno = step->error;
        return -1;
    }
    return 0;
}

static void leave(const struct step *step)
{
    if (order != NULL && step->number != 0 && step->number == order->at && atomic_load(&order->moment) == AFTER)
        die(step);
}

/* Writes to sockets and pipes are not steps, but they are counted, because sent data cannot be withdrawn. */
static int is_file(int fd)
{
    struct stat status;

    if (order == NULL || fstat(fd, &status) != 0)
        return 0;
    if (S_ISSOCK(status.st_mode) && fd > STDERR_FILENO)
        atomic_fetch_add(&order->sent, 1);
    return S_ISREG(status.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    static ssize_t (*call)(int, const void *, size_t);
    struct step step = {.call = "write", .fd = fd, .error = ENOSPC};
    ssize_t result;

    if (call == NULL)
        call = next("write");
    if (!is_file(fd))
        return call(fd, bytes, count);
    if (enter(&step) != 0)
        return -1;
    result = call(fd, bytes, count);
    leave(&step);
    return result;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    static ssize_t (*call)(int, const struct iovec *, int);
    struct step step = {.call = "writev", .fd = fd, .error = ENOSPC};
    ssize_t result;

    if (call == NULL)
        call = next("writev");
    if (!is_file(fd))
        return call(fd, parts, count);
    if (enter(&step) != 0)
        return -1;
    result = call(fd, parts, count);
    leave(&step);
    return result;
}

/* Whether a write replaces bytes that have blocks: it does not fail on a full disk, where blocks are not copied. */
static int is_allocated(int fd, off64_t at, size_t count)
{
    struct stat status;

    return fstat(fd, &status) == 0 && at + (off64_t)count <= status.st_size &&
           (off64_t)status.st_blocks * 512 >= status.st_size;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
    static ssize_t (*call)(int, const void *, size_t, off64_t);
    struct step step = {.call = "pwrite", .fd = fd, .error = is_allocated(fd, at, count) ? 0 : ENOSPC};
    ssize_t result;

    if (call == NULL)
        call = next("pwrite64");
    if (enter(&step) != 0)
        return -1;
    result = call(fd, bytes, count, at);
    leave(&step);
    return result;
}

/* Performs a call whose only argument is a descriptor. */
static int on_descriptor(int (*call)(int), struct step *step)
{
    int result;

    if (enter(step) != 0)
        return -1;
    result = call(step->fd);
    leave(step);
    return result;
}

int fsync(int fd)
{
    static int (*call)(int);
    struct step step = {.call = "fsync", .fd = fd, .error = EIO};

    if (call == NULL)
        call = next("fsync");
    return on_descriptor(call, &step);
}

int fdatasync(int fd)
{
    static int (*call)(int);
    struct step step = {.call = "fdatasync", .fd = fd, .error = EIO};

    if (call == NULL)
        call = next("fdatasync");
    return on_descriptor(call, &step);
}

int msync(void *start, size_t length, int flags)
{
    static int (*call)(void *, size_t, int);
    struct step step = {.call = "msync", .fd = -1, .error = EIO};
    int result;

    if (call == NULL)
        call = next("msync");
    if (enter(&step) != 0)
        return -1;
    result = call(start, length, flags);
    leave(&step);
    return result;
}

int ftruncate64(int fd, off64_t length)
{
    static int (*call)(int, off64_t);
    struct step step = {.call = "ftruncate", .fd = fd};
    int result;

    if (call == NULL)
        call = next("ftruncate64");
    if (enter(&step) != 0)
        return -1;
    result = call(fd, length);
    leave(&step);
    return result;
}

int open64(const char *path, int flags, ...)
{
    static int (*call)(const char *, int, ...);
    struct step step = {.call = "creat", .path = path, .error = ENOSPC};
    mode_t mode = 0;
    va_list more;
    int result;

    if (call == NULL)
        call = next("open64");
    if ((flags & O_CREAT) == 0)
        return call(path, flags);
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
    if (enter(&step) != 0)
        return -1;
    result = call(path, flags, mode);
    leave(&step);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    static int (*call)(const char *, mode_t);
    /* An existing folder needs no room. */
    struct step step = {.call = "mkdir", .path = path, .error = access(path, F_OK) == 0 ? 0 : ENOSPC};
    int result;

    if (call == NULL)
        call = next("mkdir");
    if (enter(&step) != 0)
        return -1;
    result = call(path, mode);
    leave(&step);
    return result;
}

char *mkdtemp(char *template)
{
    static char *(*call)(char *);
    struct step step = {.call = "mkdtemp", .path = template, .error = ENOSPC};
    char *result;

    if (call == NULL)
        call = next("mkdtemp");
    if (enter(&step) != 0)
        return NULL;
    result = call(template);
    leave(&step);
    return result;
}

int rename(const char *from, const char *to)
{
    static int (*call)(const char *, const char *);
    /* A file that was moved away left room in its folder, so it can be moved back on a full disk. */
    struct step step = {.call = "rename to", .path = to, .error = ENOSPC, .finds_room = 1};
    int result;

    if (call == NULL)
        call = next("rename");
    if (enter(&step) != 0)
        return -1;
    result = call(from, to);
    leave(&step);
    return result;
}

/* Performs a call whose only argument is a path. */
static int on_path(int (*call)(const char *), struct step *step)
{
    int result;

    if (enter(step) != 0)
        return -1;
    result = call(step->path);
    leave(step);
    return result;
}

int unlink(const char *path)
{
    static int (*call)(const char *);
    struct step step = {.call = "unlink", .path = path};

    if (call == NULL)
        call = next("unlink");
    return on_path(call, &step);
}

int rmdir(const char *path)
{
    static int (*call)(const char *);
    struct step step = {.call = "rmdir", .path = path};

    if (call == NULL)
        call = next("rmdir");
    return on_path(call, &step);
}

int chown(const char *path, uid_t user, gid_t group)
{
    static int (*call)(const char *, uid_t, gid_t);
    struct step step = {.call = "chown", .path = path, .error = ENOSPC};
    int result;

    if (call == NULL)
        call = next("chown");
    if (enter(&step) != 0)
        return -1;
    result = call(path, user, group);
    leave(&step);
    return result;
}

int chmod(const char *path, mode_t mode)
{
    static int (*call)(const char *, mode_t);
    struct step step = {.call = "chmod", .path = path, .error = ENOSPC};
    int result;

    if (call == NULL)
        call = next("chmod");
    if (enter(&step) != 0)
        return -1;
    result = call(path, mode);
    leave(&step);
    return result;
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    static int (*call)(int, const struct sockaddr *, socklen_t);
    struct step step = {.call = "bind", .fd = -1};
    int result;

    if (call == NULL)
        call = next("bind");
    if (enter(&step) != 0)
        return -1;
    result = call(fd, address, length);
    leave(&step);
    return result;
}

/* The start of a program that the castle runs. */
pid_t fork(void)
{
    static pid_t (*call)(void);
    struct step step = {.call = "fork", .fd = -1, .error = EAGAIN};
    pid_t result;

    if (call == NULL)
        call = next("fork");
    if (enter(&step) != 0)
        return -1;
    result = call();
    if (result == 0)
        order = NULL;
    else
        leave(&step);
    return result;
}

/* The end of a program that the castle ran, just before the castle is notified. */
pid_t waitpid(pid_t pid, int *status, int options)
{
    static pid_t (*call)(pid_t, int *, int);
    struct step step = {.call = "waitpid", .fd = -1};
    pid_t result;

    if (call == NULL)
        call = next("waitpid");
    result = call(pid, status, options);
    if (result > 0 && enter(&step) == 0)
        leave(&step);
    return result;
}
