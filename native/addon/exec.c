/*
 * execve(2) from Node: the program that follows must find the process as if Node had never been there.
 *
 * What Node changes at its start (node::PlatformInit, Node 20 to 26), and is undone here:
 *  - SIGPIPE and SIGXFSZ are ignored: a Java or shell child would never die of a closed pipe;
 *  - the soft RLIMIT_NOFILE is raised to the hard one: programs that close "all" descriptors take minutes;
 *  - O_NONBLOCK is set on pipes and terminals used as stdio: Java loses output with EAGAIN;
 *  - descriptors 0 to 2 become close-on-exec too (uv_disable_stdio_inheritance): the next program had no stdio;
 *  - what other addons opened may not be close-on-exec and would be inherited.
 */
#include "addon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
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

static char *copy_string(napi_env env, napi_value value)
{
    size_t length;
    char *copy;

    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
        return NULL;
    copy = malloc(length + 1);
    if (copy == NULL || napi_get_value_string_utf8(env, value, copy, length + 1, &length) != napi_ok) {
        free(copy);
        return NULL;
    }
    if (strlen(copy) != length) { /* a NUL inside would cut the argument short without a word */
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

static void set_default(int signal_number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

/*
 * The limit that Node was given is not kept anywhere; its parent still has it: bailey-init and shells hand on their
 * own. Only ever lowered, and only below the same hard limit, so that a wrong guess can't take anything away.
 */
static void restore_file_limit(void)
{
    struct rlimit mine, parents;

    if (getppid() == 0 || getrlimit(RLIMIT_NOFILE, &mine) != 0
        || prlimit(getppid(), RLIMIT_NOFILE, NULL, &parents) != 0)
        return;
    if (parents.rlim_max == mine.rlim_max && parents.rlim_cur < mine.rlim_cur)
        setrlimit(RLIMIT_NOFILE, &parents);
}

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

napi_value addon_exec(napi_env env, napi_callback_info info)
{
    napi_value args[3];
    char *path = NULL, **argv = NULL, **envp = NULL;
    sigset_t none;
    int error;

    if (!read_arguments(env, info, 3, args))
        return NULL;
    path = copy_string(env, args[0]);
    argv = copy_strings(env, args[1]);
    envp = copy_strings(env, args[2]);
    if (path == NULL || argv == NULL || envp == NULL || argv[0] == NULL) {
        free(path);
        free_strings(argv);
        free_strings(envp);
        napi_throw_type_error(env, NULL, "exec takes a path, arguments and NAME=value strings, without NUL characters");
        return NULL;
    }

    close_others_on_exec();
    hand_on_stdio();
    restore_file_limit();
    set_default(SIGPIPE);
    set_default(SIGXFSZ);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    execve(path, argv, envp);

    error = errno;
    throw_errno(env, error, path);
    free(path);
    free_strings(argv);
    free_strings(envp);
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
    set_default(signal_number);
    return NULL;
}
