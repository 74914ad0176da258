/*
 * Processes by pidfd, a descriptor that refers to one process even when its pid is reused for another.
 *
 * A pidfd becomes readable when its process ends (pidfd_open(2)), so libuv can wait for it: the event loop that runs
 * JavaScript polls every watched pidfd, without an additional thread. Node exports libuv's functions to addons, and
 * libuv keeps their ABI within version 1, which Node 20 to 26 have. They are declared below, with opaque types, because
 * Node's headers are not installed everywhere and npm's node-api-headers has no uv.h.
 *
 * A watch has two owners: the poll handle, until libuv has closed it, and the JavaScript function that stops the watch,
 * until it is garbage-collected. The last owner frees the watch. When the environment (Node's main thread or a worker)
 * ends, an asynchronous cleanup hook keeps it alive until libuv has closed the handle.
 */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* Linux 5.3 */
#endif

/* From libuv's uv.h. uv_poll_t is allocated with the size that the running libuv reports; its fields are never used. */
struct uv_loop_s;
typedef struct uv_poll_s uv_poll_t;
enum { UV_POLL = 8, UV_READABLE = 1 };
extern size_t uv_handle_size(int type);
extern int uv_poll_init(struct uv_loop_s *loop, uv_poll_t *handle, int fd);
extern int uv_poll_start(uv_poll_t *handle, int events, void (*ready)(uv_poll_t *handle, int status, int events));
extern void uv_close(uv_poll_t *handle, void (*closed)(uv_poll_t *handle));
extern void uv_unref(uv_poll_t *handle);
extern void uv_handle_set_data(uv_poll_t *handle, void *data);
extern void *uv_handle_get_data(const uv_poll_t *handle);

struct watch {
    int owners; /* the poll handle and the stop function */
    int fd;     /* our own duplicate: libuv polls a descriptor for one handle only */
    bool closing;
    napi_env env;
    napi_ref ended; /* the function to call */
    napi_async_context context;
    napi_async_cleanup_hook_handle cleanup;
    uv_poll_t *handle;
};

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

static void release(struct watch *watch)
{
    if (--watch->owners == 0)
        free(watch);
}

/* libuv's last call for the handle. The environment may be ending, so this function must not use JavaScript objects. */
static void handle_closed(uv_poll_t *handle)
{
    struct watch *watch = uv_handle_get_data(handle);

    napi_remove_async_cleanup_hook(watch->cleanup);
    free(handle);
    release(watch);
}

/* Ends a watch; a second call does nothing. */
static void end_watch(struct watch *watch)
{
    if (watch->closing)
        return;
    watch->closing = true;
    napi_delete_reference(watch->env, watch->ended);
    napi_async_destroy(watch->env, watch->context);
    uv_close(watch->handle, handle_closed);
    close(watch->fd); /* libuv has stopped polling it, and does not need it to close the handle */
}

/* Called when the environment ends; the environment then waits until handle_closed removes the hook. */
static void environment_ends(napi_async_cleanup_hook_handle hook, void *watch)
{
    (void)hook;
    end_watch(watch);
}

/* Calls the function from the event loop. An exception that it throws is uncaught, as with a timer. */
static void call_ended(const struct watch *watch)
{
    napi_value function, receiver, error;
    bool thrown = false;

    if (napi_get_reference_value(watch->env, watch->ended, &function) != napi_ok ||
        napi_get_global(watch->env, &receiver) != napi_ok)
        return;
    /* Fails without an exception where no JavaScript may run any more, as in a worker that is being terminated. */
    (void)napi_make_callback(watch->env, watch->context, receiver, function, 0, NULL, NULL);
    if (napi_is_exception_pending(watch->env, &thrown) == napi_ok && thrown &&
        napi_get_and_clear_last_exception(watch->env, &error) == napi_ok)
        napi_fatal_exception(watch->env, error);
}

static void process_ended(uv_poll_t *handle, int status, int events)
{
    struct watch *watch = uv_handle_get_data(handle);
    napi_handle_scope scope;

    (void)status, (void)events;
    if (napi_open_handle_scope(watch->env, &scope) != napi_ok)
        return;
    /* The function may stop this watch itself; handle_closed is not called before this returns. */
    call_ended(watch);
    end_watch(watch);
    napi_close_handle_scope(watch->env, scope);
}

static napi_value stop_watching(napi_env env, napi_callback_info info)
{
    void *watch;

    if (napi_get_cb_info(env, info, NULL, NULL, NULL, &watch) == napi_ok)
        end_watch(watch);
    return NULL;
}

static void stop_function_collected(napi_env env, void *watch, void *unused)
{
    (void)env, (void)unused;
    release(watch);
}

/*
 * Creates the Node-API objects that a call into JavaScript needs. Returns false when Node-API refuses, as while a
 * worker is being terminated.
 */
static bool prepare_call(struct watch *watch, napi_value function)
{
    napi_value name;

    return napi_create_string_utf8(watch->env, "pidfdWatch", NAPI_AUTO_LENGTH, &name) == napi_ok &&
           napi_async_init(watch->env, NULL, name, &watch->context) == napi_ok &&
           napi_create_reference(watch->env, function, 1, &watch->ended) == napi_ok &&
           napi_add_async_cleanup_hook(watch->env, environment_ends, watch, &watch->cleanup) == napi_ok;
}

/* Starts to poll a duplicate of the descriptor. Returns 0, or an errno, in which case nothing has changed. */
static int start_polling(struct watch *watch, int fd)
{
    struct uv_loop_s *loop;
    int error;

    if (napi_get_uv_event_loop(watch->env, &loop) != napi_ok)
        return ENOSYS;
    watch->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (watch->fd == -1)
        return errno;
    watch->handle = malloc(uv_handle_size(UV_POLL));
    error = watch->handle == NULL ? -ENOMEM : uv_poll_init(loop, watch->handle, watch->fd);
    if (error != 0) {
        free(watch->handle);
        close(watch->fd);
        return -error; /* libuv's error codes are negative errnos */
    }
    uv_handle_set_data(watch->handle, watch);
    uv_unref(watch->handle);                                        /* a watch does not keep the process running */
    (void)uv_poll_start(watch->handle, UV_READABLE, process_ended); /* cannot fail: the handle is not closing */
    watch->owners++;
    return 0;
}

/* Releases the objects that prepare_call has created. */
static void discard(struct watch *watch)
{
    if (watch->cleanup != NULL)
        napi_remove_async_cleanup_hook(watch->cleanup);
    if (watch->ended != NULL)
        napi_delete_reference(watch->env, watch->ended);
    if (watch->context != NULL)
        napi_async_destroy(watch->env, watch->context);
    free(watch);
}

napi_value addon_pidfd_watch(napi_env env, napi_callback_info info)
{
    napi_value args[2], stop;
    napi_valuetype type;
    struct watch *watch;
    int fd, error;

    if (!read_arguments(env, info, 2, args) || !read_int(env, args[0], &fd))
        return NULL;
    if (napi_typeof(env, args[1], &type) != napi_ok || type != napi_function) {
        napi_throw_type_error(env, NULL, "pidfdWatch takes a pidfd and a function");
        return NULL;
    }
    watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return throw_errno(env, ENOMEM, "pidfdWatch");
    watch->env = env;
    if (!prepare_call(watch, args[1]) ||
        napi_create_function(env, "stop", NAPI_AUTO_LENGTH, stop_watching, watch, &stop) != napi_ok) {
        discard(watch);
        return NULL;
    }
    error = start_polling(watch, fd);
    if (error != 0) {
        discard(watch);
        return throw_errno(env, error, "pidfdWatch");
    }
    if (napi_add_finalizer(env, stop, watch, stop_function_collected, NULL, NULL) != napi_ok) {
        end_watch(watch);
        return NULL;
    }
    watch->owners++;
    return stop;
}
