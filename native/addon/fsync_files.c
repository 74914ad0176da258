/*
 * fsync(2) for many files at once.
 *
 * Each fsync waits for the disk, and often for a commit of the file system's journal. Sequentially, 650 files wait 650
 * times; in parallel, most of them share a commit: 950 files on ext4 took 469 ms one after the other and 28 ms from 32
 * threads. syncfs(2) would be one call, and as fast, but it also waits for the data of all other processes, which on a
 * busy host is gigabytes.
 */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_THREADS = 32, STACK_BYTES = 256 * 1024 };

/* One call: the paths, the next one to sync, and the first error. */
struct job {
    char *bytes;
    const char **paths;
    size_t count;
    atomic_size_t next;
    pthread_mutex_t lock;
    int error;
    const char *failed;
    napi_async_work work;
    napi_deferred deferred;
};

static int sync_file(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = 0;

    if (fd == -1)
        return errno;
    if (fsync(fd) == -1)
        error = errno;
    close(fd);
    return error;
}

static void *sync_some(void *data)
{
    struct job *job = data;
    size_t at;

    while ((at = atomic_fetch_add(&job->next, 1)) < job->count) {
        const int error = sync_file(job->paths[at]);

        if (error == 0)
            continue;
        pthread_mutex_lock(&job->lock);
        if (job->error == 0) {
            job->error = error;
            job->failed = job->paths[at];
        }
        pthread_mutex_unlock(&job->lock);
        break;
    }
    return NULL;
}

/* Runs in a thread of libuv's pool, and starts more threads: the pool has only four. */
static void sync_all(napi_env env, void *data)
{
    struct job *job = data;
    pthread_t threads[MOST_THREADS - 1];
    size_t started = 0;
    pthread_attr_t attributes;
    sigset_t all, before;

    (void)env;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* Node's main thread handles signals */
    while (started < MOST_THREADS - 1 && started + 1 < job->count
           && pthread_create(&threads[started], &attributes, sync_some, job) == 0)
        started++; /* fewer, if the pids limit of the container allows no more */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    sync_some(job);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

static void free_job(struct job *job)
{
    free(job->bytes);
    free(job->paths);
    free(job);
}

static void settle(napi_env env, napi_status status, void *data)
{
    struct job *job = data;
    napi_value result, path;

    (void)status;
    if (job->error == 0) {
        napi_get_undefined(env, &result);
        napi_resolve_deferred(env, job->deferred, result);
    } else {
        result = make_errno_error(env, job->error, "fsync");
        napi_create_string_utf8(env, job->failed, NAPI_AUTO_LENGTH, &path);
        napi_set_named_property(env, result, "path", path);
        napi_reject_deferred(env, job->deferred, result);
    }
    napi_delete_async_work(env, job->work);
    free_job(job);
}

/* Creates the job for paths that each end with a NUL; NULL without memory. */
static struct job *make_job(const char *bytes, size_t length)
{
    struct job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return NULL;
    for (size_t i = 0; i < length; i++)
        job->count += bytes[i] == '\0';
    job->bytes = malloc(length + 1);
    job->paths = calloc(job->count + 1, sizeof *job->paths);
    if (job->bytes == NULL || job->paths == NULL) {
        free_job(job);
        return NULL;
    }
    memcpy(job->bytes, bytes, length);
    job->bytes[length] = '\0';
    for (size_t i = 0, at = 0; i < job->count; i++, at += strlen(job->bytes + at) + 1)
        job->paths[i] = job->bytes + at;
    pthread_mutex_init(&job->lock, NULL);
    atomic_init(&job->next, 0);
    return job;
}

napi_value addon_sync_files(napi_env env, napi_callback_info info)
{
    napi_value args[1], name, promise;
    void *bytes;
    size_t length;
    struct job *job;

    if (!read_arguments(env, info, 1, args))
        return NULL;
    if (napi_get_buffer_info(env, args[0], &bytes, &length) != napi_ok) {
        napi_throw_type_error(env, NULL, "a Buffer is expected");
        return NULL;
    }
    job = make_job(length == 0 ? "" : bytes, length);
    if (job == NULL)
        return throw_errno(env, ENOMEM, "fsync");
    if (napi_create_string_utf8(env, "bailey:syncFiles", NAPI_AUTO_LENGTH, &name) != napi_ok
        || napi_create_promise(env, &job->deferred, &promise) != napi_ok
        || napi_create_async_work(env, NULL, name, sync_all, settle, job, &job->work) != napi_ok
        || napi_queue_async_work(env, job->work) != napi_ok) {
        free_job(job);
        return throw_errno(env, ENOMEM, "fsync");
    }
    return promise;
}
