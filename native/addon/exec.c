/*
 * execve(2) from Node. The next program must find the process in the state in which Node found it, as far as that state
 * is known.
 *
 * Node changes this at its start (node::PlatformInit, Node 20 to 26), and it is undone here:
 *  - SIGPIPE and SIGXFSZ are ignored: a child of Java or a shell would not end when its pipe is closed;
 *  - O_NONBLOCK is set on pipes and terminals used as stdio: Java loses output with EAGAIN;
 *  - a terminal may be in raw mode, if code of the program called setRawMode;
 *  - descriptors 0 to 2 are close-on-exec (uv_disable_stdio_inheritance): the next program would have no stdio;
 *  - descriptors that other addons opened may not be close-on-exec and would be inherited.
 *
 * Node changes this too, without keeping the former state:
 *  - the soft RLIMIT_NOFILE is raised to the hard one: programs that close all possible descriptors take minutes;
 *  - ignored signals get their default action, and the mask is emptied: the effect of `nohup` is lost.
 * If the parent is bailey-init, both are restored from there: bailey-init was started with the same limit and ignored
 * signals and changes neither. With any other parent, and as PID 1, the former state is unknown, because a shell in
 * between may have changed it. The limit then stays raised (java raises its limit anyway), and the signals have their
 * default action. The mask is always empty.
 */
#include "addon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Returns a string as UTF-8, or the bytes of a Buffer; NULL when the value is neither, or has a NUL inside. */
static char *copy_string(napi_env env, napi_value value)
{
    bool answer = false;
    void *bytes;
    size_t length;
    char *copy;

    napi_is_buffer(env, value, &answer);
    const bool is_bytes = answer; /* a copy, because gcc's analyzer assumes that napi_is_buffer kept the address */
    if ((is_bytes ? napi_get_buffer_info(env, value, &bytes, &length)
                  : napi_get_value_string_utf8(env, value, NULL, 0, &length)) != napi_ok)
        return NULL;
    copy = malloc(length + 1);
    if (copy == NULL)
        return NULL;
    if (is_bytes) {
        memcpy(copy, bytes, length);
        copy[length] = '\0';
    } else if (napi_get_value_string_utf8(env, value, copy, length + 1, &length) != napi_ok) {
        free(copy);
        return NULL;
    }
    if (strlen(copy) != length) { /* a NUL inside would truncate the argument silently */
        free(copy);
        return NULL;
    }
    return copy;
}

static void free_strings(char **strings)
{
    if (strings == NULL)
        return;
    for (size_t i = 0; strings[i] != NULL; i++)
        free(strings[i]);
    free(strings);
}

static char **copy_strings(napi_env env, napi_value array)
{
    uint32_t count;
    char **copy;

    if (napi_get_array_length(env, array, &count) != napi_ok)
        return NULL;
    copy = calloc((size_t)count + 1, sizeof *copy);
    if (copy == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        napi_value element;

        if (napi_get_element(env, array, i, &element) != napi_ok
            || (copy[i] = copy_string(env, element)) == NULL) {
            free_strings(copy);
            return NULL;
        }
    }
    return copy;
}

static void set_action(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

/* Finds the line that begins with `start` in /proc/PID/FILE; `line` gets the rest of it. */
static bool read_proc_line(pid_t pid, const char *file, const char *start, char *line, int size)
{
    char path[64];
    FILE *opened;
    bool found = false;

    (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    opened = fopen(path, "re");
    if (opened == NULL)
        return false;
    while (!found && fgets(line, size, opened) != NULL)
        found = strncmp(line, start, strlen(start)) == 0;
    (void)fclose(opened);
    if (found)
        memmove(line, line + strlen(start), strlen(line + strlen(start)) + 1);
    return found;
}

/* Lowers the soft limit if both processes have the same hard limit, so that the program can raise it again. */
static void restore_file_limit(pid_t init)
{
    struct rlimit mine, given;

    if (getrlimit(RLIMIT_NOFILE, &mine) != 0 || prlimit(init, RLIMIT_NOFILE, NULL, &given) != 0)
        return;
    if (given.rlim_max == mine.rlim_max && given.rlim_cur < mine.rlim_cur)
        setrlimit(RLIMIT_NOFILE, &given);
}

/* Ignores the signals that bailey-init ignores, except SIGCHLD, whose disposition bailey-init changes. */
static void restore_ignored_signals(pid_t init)
{
    char mask[128];
    unsigned long long ignored;

    if (!read_proc_line(init, "status", "SigIgn:", mask, sizeof mask))
        return;
    ignored = strtoull(mask, NULL, 16);
    for (int number = 1; number <= 64; number++)
        if ((ignored >> (number - 1) & 1) && number != SIGCHLD)
            set_action(number, SIG_IGN);
}

/*
 * Restores the limit and the ignored signals from the parent, if the parent is bailey-init, which has not changed them.
 */
static void restore_from_init(void)
{
    pid_t parent = getppid();
    char name[32];

    if (parent == 0 || !read_proc_line(parent, "comm", "", name, sizeof name) || strcmp(name, "bailey-init\n") != 0)
        return;
    restore_file_limit(parent);
    restore_ignored_signals(parent);
}

/* From libuv, which Node exports: restores the modes that the terminal had before setRawMode. */
extern int uv_tty_reset_mode(void);

static void hand_on_stdio(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        int flags = fcntl(fd, F_GETFL);

        fcntl(fd, F_SETFD, 0);
        if (flags != -1 && (flags & O_NONBLOCK))
            fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    }
}

static void close_others_on_exec(void)
{
    DIR *folder;
    struct dirent *entry;

    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) /* Linux 5.11 */
        return;
    folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL) {
        int fd = atoi(entry->d_name); /* 0 for "." and "..". NOLINT(cert-err34-c): the kernel's numbers are in range */

        if (fd > 2)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    closedir(folder);
}

/* The changes that exec makes for the next program. */
struct changes {
    char **without; /* variables that it does not get; NULL: it gets all */
    int stdin_fd;   /* its standard input; -1: that of this process */
};

/* Reads exec's arguments from the third on; false when they have the wrong type. */
static bool read_changes(napi_env env, napi_value *args, size_t count, struct changes *changes)
{
    *changes = (struct changes){.stdin_fd = -1};
    if (count > 2 && (changes->without = copy_strings(env, args[2])) == NULL)
        return false;
    return count < 4 || napi_get_value_int32(env, args[3], &changes->stdin_fd) == napi_ok;
}

static void make_changes(const struct changes *changes)
{
    for (char **name = changes->without; name != NULL && *name != NULL; name++)
        unsetenv(*name);
    if (changes->stdin_fd >= 0)
        dup2(changes->stdin_fd, STDIN_FILENO); /* clears close-on-exec, and cannot fail: both are open */
}

napi_value addon_exec(napi_env env, napi_callback_info info)
{
    enum { MOST = 4 };
    napi_value args[MOST];
    size_t count = MOST;
    char *path = NULL, **argv = NULL;
    struct changes changes = {.stdin_fd = -1};
    sigset_t none;
    int error;

    if (napi_get_cb_info(env, info, &count, args, NULL, NULL) == napi_ok && count >= 2) {
        path = copy_string(env, args[0]);
        argv = copy_strings(env, args[1]);
    }
    if (path == NULL || argv == NULL || argv[0] == NULL || !read_changes(env, args, count, &changes)) {
        free(path);
        free_strings(argv);
        free_strings(changes.without);
        napi_throw_type_error(env, NULL, "exec takes a path and arguments, without NUL characters");
        return NULL;
    }

    close_others_on_exec();
    make_changes(&changes);
    hand_on_stdio();
    (void)uv_tty_reset_mode();
    set_action(SIGPIPE, SIG_DFL);
    set_action(SIGXFSZ, SIG_DFL);
    restore_from_init();
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    execve(path, argv, environ);

    error = errno;
    throw_errno(env, error, path);
    free(path);
    free_strings(argv);
    free_strings(changes.without);
    return NULL;
}

napi_value addon_reset_signal(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int signal_number;

    if (!read_arguments(env, info, 1, args) || !read_int(env, args[0], &signal_number))
        return NULL;
    if (signal_number < 1 || signal_number > 64 || signal_number == SIGKILL || signal_number == SIGSTOP)
        return throw_errno(env, EINVAL, "resetSignal");
    set_action(signal_number, SIG_DFL);
    return NULL;
}
