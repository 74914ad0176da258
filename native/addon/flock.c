/*
 * flock(2) from Node: a lock that the kernel releases when its holder ends, however that happens.
 */
#include "addon.h"

#include <errno.h>
#include <sys/file.h>

napi_value addon_flock(napi_env env, napi_callback_info info)
{
    napi_value args[1], taken;
    int fd, result;

    if (!read_arguments(env, info, 1, args) || !read_int(env, args[0], &fd))
        return NULL;
    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result == -1 && errno == EINTR);
    if (result == -1 && errno != EWOULDBLOCK)
        return throw_errno(env, errno, "flock");
    napi_get_boolean(env, result == 0, &taken);
    return taken;
}
