/*
 * The system calls that Bailey needs and Node lacks, as a Node-API addon. Its ABI is stable: one binary works with Node
 * 20 and later. src/linux/native-addon.ts is its interface in TypeScript and describes each function.
 */
#include "addon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *errno_name(int error)
{
    switch (error) {
    case E2BIG: return "E2BIG";
    case EACCES: return "EACCES";
    case EAGAIN: return "EAGAIN";
    case EBADF: return "EBADF";
    case EDQUOT: return "EDQUOT";
    case EINVAL: return "EINVAL";
    case EIO: return "EIO";
    case EISDIR: return "EISDIR";
    case ELOOP: return "ELOOP";
    case EMFILE: return "EMFILE";
    case ENAMETOOLONG: return "ENAMETOOLONG";
    case ENFILE: return "ENFILE";
    case ENODATA: return "ENODATA";
    case ENOENT: return "ENOENT";
    case ENOEXEC: return "ENOEXEC";
    case ENOLCK: return "ENOLCK";
    case ENOMEM: return "ENOMEM";
    case ENOPROTOOPT: return "ENOPROTOOPT";
    case ENOSPC: return "ENOSPC";
    case ENOSYS: return "ENOSYS";
    case ENOTCONN: return "ENOTCONN";
    case ENOTDIR: return "ENOTDIR";
    case ENOTSOCK: return "ENOTSOCK";
    case EOPNOTSUPP: return "EOPNOTSUPP";
    case EPERM: return "EPERM";
    case EROFS: return "EROFS";
    case ESRCH: return "ESRCH";
    case ESTALE: return "ESTALE";
    case ETXTBSY: return "ETXTBSY";
    default: return "ERRNO";
    }
}

napi_value make_errno_error(napi_env env, int error, const char *what)
{
    char text[256];
    napi_value code = NULL, message = NULL, made = NULL;

    (void)snprintf(text, sizeof text, "%s: %s", what, strerror(error));
    napi_create_string_utf8(env, errno_name(error), NAPI_AUTO_LENGTH, &code);
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, code, message, &made);
    return made;
}

napi_value throw_errno(napi_env env, int error, const char *what)
{
    napi_throw(env, make_errno_error(env, error, what));
    return NULL;
}

int read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *args)
{
    size_t given = count;

    if (napi_get_cb_info(env, info, &given, args, NULL, NULL) != napi_ok || given < count) {
        napi_throw_type_error(env, NULL, "too few arguments");
        return 0;
    }
    return 1;
}

int read_int(napi_env env, napi_value value, int *out)
{
    int32_t number;

    if (napi_get_value_int32(env, value, &number) != napi_ok) {
        napi_throw_type_error(env, NULL, "an integer is expected");
        return 0;
    }
    *out = number;
    return 1;
}

napi_value make_int(napi_env env, int value)
{
    napi_value made = NULL;

    napi_create_int32(env, value, &made);
    return made;
}

NAPI_MODULE_INIT()
{
    static const struct {
        const char *name;
        napi_callback call;
    } functions[] = {
        {"exec", addon_exec},
        {"resetSignal", addon_reset_signal},
        {"memoryFile", addon_memory_file},
        {"flock", addon_flock},
        {"syncFiles", addon_sync_files},
        {"peer", addon_peer},
        {"pidfdOpen", addon_pidfd_open},
        {"pidfdAlive", addon_pidfd_alive},
        {"pidfdWatch", addon_pidfd_watch},
        {"pidfdSignal", addon_pidfd_signal},
        {"setSubreaper", addon_set_subreaper},
        {"isSubreaper", addon_is_subreaper},
        {"peekEnded", addon_peek_ended},
        {"reap", addon_reap},
    };

    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        napi_value function;

        if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL,
                                 &function) != napi_ok
            || napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
            return NULL;
    }
    return exports;
}
