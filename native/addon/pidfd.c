/*
 * Descriptors for processes (pidfd_open(2), Linux 5.3) and the news of their end.
 *
 * Node has no way to poll a descriptor that isn't a file, pipe or socket. One detached thread waits in epoll_wait(2)
 * for all watched pidfds and calls JavaScript through a thread-safe function. A watch is named by a number, never by
 * its address: an event that was fetched just before the watch was stopped then finds nothing, instead of freed memory.
 * The thread outlives a worker that has loaded us: the library is linked so that nothing unloads it (ld(1), -z nodelete).
 */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

struct watch {
    struct watch *next;
    uint64_t number;
    int fd;
    napi_threadsafe_function ended;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct watch *watches;
static uint64_t last_number;
static int epoll_fd = -1;

napi_value addon_pidfd_open(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int pid, fd;

    if (!read_arguments(env, info, 1, args) || !read_int(env, args[0], &pid))
        return NULL;
    fd = (int)syscall(SYS_pidfd_open, pid, 0); /* always close-on-exec */
    if (fd == -1)
        return throw_errno(env, errno, "pidfd_open");
    return make_int(env, fd);
}

napi_value addon_pidfd_alive(napi_env env, napi_callback_info info)
{
    napi_value args[1], alive;
    struct pollfd ended = {.events = POLLIN};

    if (!read_arguments(env, info, 1, args) || !read_int(env, args[0], &ended.fd))
        return NULL;
    while (poll(&ended, 1, 0) == -1)
        if (errno != EINTR)
            return throw_errno(env, errno, "poll");
    if (ended.revents & POLLNVAL)
        return throw_errno(env, EBADF, "poll");
    napi_get_boolean(env, ended.revents == 0, &alive);
    return alive;
}

/* Takes a watch out of the list and out of epoll; the caller holds the lock and owns what is returned. */
static struct watch *take_watch(uint64_t number)
{
    for (struct watch **link = &watches; *link != NULL; link = &(*link)->next) {
        struct watch *found = *link;

        if (found->number != number)
            continue;
        *link = found->next;
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, found->fd, NULL);
        close(found->fd);
        return found;
    }
    return NULL;
}

static void *wait_for_ends(void *unused)
{
    struct epoll_event events[16];

    (void)unused;
    for (;;) {
        int count = epoll_wait(epoll_fd, events, 16, -1);

        for (int i = 0; i < count; i++) {
            struct watch *ended;

            /* The queue has no bound: the call never waits for the main thread, which may wait for the lock. */
            pthread_mutex_lock(&lock);
            ended = take_watch(events[i].data.u64);
            if (ended != NULL) {
                napi_call_threadsafe_function(ended->ended, NULL, napi_tsfn_blocking);
                napi_release_threadsafe_function(ended->ended, napi_tsfn_release);
            }
            pthread_mutex_unlock(&lock);
            free(ended);
        }
    }
    return NULL;
}

/* Starts the one thread with every signal blocked: signals are for Node's main thread. */
static int start_thread(void)
{
    pthread_t thread;
    sigset_t all, before;
    int error;

    if (epoll_fd != -1)
        return 0;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd == -1)
        return errno;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, NULL, wait_for_ends, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        close(epoll_fd);
        epoll_fd = -1;
        return error;
    }
    pthread_detach(thread);
    return 0;
}

/* Gives up a watch, if it is still there; in the main thread, also as the cleanup hook. */
static void give_up(void *number)
{
    struct watch *stopped;

    pthread_mutex_lock(&lock);
    stopped = take_watch((uint64_t)(uintptr_t)number);
    pthread_mutex_unlock(&lock);
    if (stopped != NULL) {
        napi_release_threadsafe_function(stopped->ended, napi_tsfn_abort);
        free(stopped);
    }
}

static napi_value stop_watching(napi_env env, napi_callback_info info)
{
    void *number;

    if (napi_get_cb_info(env, info, NULL, NULL, NULL, &number) == napi_ok)
        give_up(number);
    return NULL;
}

/* The function is about to be freed, in the main thread: nobody calls it any more. */
static void forget_hook(napi_env env, void *number, void *unused)
{
    (void)unused;
    napi_remove_env_cleanup_hook(env, give_up, number);
}

napi_value addon_pidfd_watch(napi_env env, napi_callback_info info)
{
    napi_value args[2], name, stop;
    struct watch *watch;
    struct epoll_event event = {.events = EPOLLIN};
    void *number;
    int fd, error;

    if (!read_arguments(env, info, 2, args) || !read_int(env, args[0], &fd))
        return NULL;
    watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return throw_errno(env, ENOMEM, "pidfdWatch");
    watch->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (watch->fd == -1) {
        error = errno;
        free(watch);
        return throw_errno(env, error, "pidfdWatch");
    }
    pthread_mutex_lock(&lock);
    watch->number = ++last_number;
    pthread_mutex_unlock(&lock);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): Node-API hands on a pointer, and what is wanted is a number */
    number = (void *)(uintptr_t)watch->number;
    napi_create_string_utf8(env, "pidfdWatch", NAPI_AUTO_LENGTH, &name);
    if (napi_create_threadsafe_function(env, args[1], NULL, name, 0, 1, number, forget_hook, NULL, NULL, &watch->ended)
        != napi_ok) {
        close(watch->fd);
        free(watch);
        napi_throw_type_error(env, NULL, "pidfdWatch takes a pidfd and a function");
        return NULL;
    }
    napi_unref_threadsafe_function(env, watch->ended); /* a watch is no reason to keep the process running */
    /* After the function's own hook, because the last one that is added is run first. */
    napi_add_env_cleanup_hook(env, give_up, number);

    pthread_mutex_lock(&lock);
    error = start_thread();
    if (error == 0) {
        event.data.u64 = watch->number;
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) != 0)
            error = errno;
    }
    if (error == 0) {
        watch->next = watches;
        watches = watch;
        napi_create_function(env, "stop", NAPI_AUTO_LENGTH, stop_watching, number, &stop);
    }
    pthread_mutex_unlock(&lock);
    if (error != 0) {
        napi_release_threadsafe_function(watch->ended, napi_tsfn_abort);
        close(watch->fd);
        free(watch);
        return throw_errno(env, error, "pidfdWatch");
    }
    return stop;
}
