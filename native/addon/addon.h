/* Functions that the files of the addon share: they convert C values and errno to JavaScript values. */
#ifndef BAILEY_ADDON_H
#define BAILEY_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>

/* Creates an Error whose `code` is the name of the errno, as Node's system errors have it. */
napi_value make_errno_error(napi_env env, int error, const char *what);

/* Throws an Error whose `code` is the name of the errno; returns NULL. */
napi_value throw_errno(napi_env env, int error, const char *what);

/* Reads the first `count` arguments. With fewer, it throws a TypeError and returns 0. */
int read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *args);

/* Reads an integer argument. If it is not an integer, it throws a TypeError and returns 0. */
int read_int(napi_env env, napi_value value, int *out);

napi_value make_int(napi_env env, int value);

/* The exported functions, described in src/linux/native-addon.ts. */
napi_value addon_exec(napi_env env, napi_callback_info info);
napi_value addon_reset_signal(napi_env env, napi_callback_info info);
napi_value addon_memory_file(napi_env env, napi_callback_info info);
napi_value addon_flock(napi_env env, napi_callback_info info);
napi_value addon_sync_files(napi_env env, napi_callback_info info);
napi_value addon_peer(napi_env env, napi_callback_info info);
napi_value addon_pidfd_open(napi_env env, napi_callback_info info);
napi_value addon_pidfd_alive(napi_env env, napi_callback_info info);
napi_value addon_pidfd_watch(napi_env env, napi_callback_info info);
napi_value addon_pidfd_signal(napi_env env, napi_callback_info info);
napi_value addon_set_subreaper(napi_env env, napi_callback_info info);
napi_value addon_is_subreaper(napi_env env, napi_callback_info info);
napi_value addon_peek_ended(napi_env env, napi_callback_info info);
napi_value addon_reap(napi_env env, napi_callback_info info);

#endif
