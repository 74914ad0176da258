/*
 * Reaping orphans in a process in which libuv also reaps. libuv waits for each of its children by pid at SIGCHLD; if
 * another wait reaped such a child, Node would never emit its exit event. So the caller first peeks (waitid(2) with
 * WNOWAIT leaves the zombie), and then reaps by pid a child that is not libuv's.
 */
#include "addon.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

napi_value addon_set_subreaper(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    bool on;

    if (!read_arguments(env, info, 1, args))
        return NULL;
    if (napi_get_value_bool(env, args[0], &on) != napi_ok) {
        napi_throw_type_error(env, NULL, "a boolean is expected");
        return NULL;
    }
    if (prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)on, 0, 0, 0) != 0)
        return throw_errno(env, errno, "PR_SET_CHILD_SUBREAPER");
    return NULL;
}

napi_value addon_is_subreaper(napi_env env, napi_callback_info info)
{
    napi_value result;
    int on = 0;

    (void)info;
    if (prctl(PR_GET_CHILD_SUBREAPER, &on, 0, 0, 0) != 0)
        return throw_errno(env, errno, "PR_GET_CHILD_SUBREAPER");
    napi_get_boolean(env, on != 0, &result);
    return result;
}

/* Returns {pid, code} or {pid, signal}; undefined when no child has ended, or no such child exists. */
static napi_value wait_for(napi_env env, idtype_t whom, int pid, int options)
{
    siginfo_t ended = {0};
    napi_value result;

    while (waitid(whom, (id_t)pid, &ended, WEXITED | WNOHANG | options) != 0) {
        if (errno == ECHILD)
            break;
        if (errno != EINTR)
            return throw_errno(env, errno, "waitid");
    }
    if (ended.si_pid == 0) {
        napi_get_undefined(env, &result);
        return result;
    }
    napi_create_object(env, &result);
    napi_set_named_property(env, result, "pid", make_int(env, ended.si_pid));
    napi_set_named_property(env, result, ended.si_code == CLD_EXITED ? "code" : "signal",
                            make_int(env, ended.si_status));
    return result;
}

napi_value addon_peek_ended(napi_env env, napi_callback_info info)
{
    (void)info;
    return wait_for(env, P_ALL, 0, WNOWAIT);
}

napi_value addon_reap(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int pid;

    if (!read_arguments(env, info, 1, args) || !read_int(env, args[0], &pid))
        return NULL;
    if (pid <= 0)
        return throw_errno(env, EINVAL, "reap");
    return wait_for(env, P_PID, pid, 0);
}

napi_value addon_pidfd_signal(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int pidfd, signal_number;

    if (!read_arguments(env, info, 2, args) || !read_int(env, args[0], &pidfd) ||
        !read_int(env, args[1], &signal_number))
        return NULL;
    if (syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) != 0)
        return throw_errno(env, errno, "pidfd_send_signal");
    return NULL;
}
