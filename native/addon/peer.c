/*
 * The process at the other end of a unix socket, as the kernel recorded it at connect(2); unix(7).
 *
 * SO_PEERPIDFD (Linux 6.5) refers to the process that connected. Before 6.5 the pid of SO_PEERCRED is opened with
 * pidfd_open(2). That pid may belong to another process since, so the owner of the process is compared with the
 * credentials.
 */
#include "addon.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static int open_by_number(const struct ucred *credentials)
{
    char path[32];
    struct stat owner;
    int pidfd = (int)syscall(SYS_pidfd_open, credentials->pid, 0);

    if (pidfd == -1)
        return -1;
    (void)snprintf(path, sizeof path, "/proc/%d", credentials->pid);
    if (stat(path, &owner) != 0 || owner.st_uid != credentials->uid) {
        close(pidfd);
        errno = ESRCH;
        return -1;
    }
    return pidfd;
}

napi_value addon_peer(napi_env env, napi_callback_info info)
{
    napi_value args[1], result;
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    int fd, pidfd = -1;

    if (!read_arguments(env, info, 1, args) || !read_int(env, args[0], &fd))
        return NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return throw_errno(env, errno, "SO_PEERCRED");
    size = sizeof pidfd;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) != 0) {
        if (errno != ENOPROTOOPT)
            return throw_errno(env, errno == ENODATA || errno == EINVAL ? ESRCH : errno, "SO_PEERPIDFD");
        pidfd = open_by_number(&credentials);
        if (pidfd == -1)
            return throw_errno(env, errno, "pidfd_open");
    }
    napi_create_object(env, &result);
    napi_set_named_property(env, result, "pid", make_int(env, credentials.pid));
    napi_set_named_property(env, result, "uid", make_int(env, (int)credentials.uid));
    napi_set_named_property(env, result, "gid", make_int(env, (int)credentials.gid));
    napi_set_named_property(env, result, "pidfd", make_int(env, pidfd));
    return result;
}
