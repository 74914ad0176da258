/*
 * memfd_create(2) (Linux 3.17): a file in memory that exists until its last descriptor is closed. A program can open it
 * again from its beginning as /proc/self/fd/N. A program that only inherits the descriptor reads nothing, because its
 * position is at the end. The file is sealed: its content cannot change.
 */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1U
#define MFD_ALLOW_SEALING 2U
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#define F_SEAL_WRITE 8
#endif

static int create(void)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    /* Linux 6.3; required where vm.memfd_noexec is 2. */
    const long fd = syscall(SYS_memfd_create, "bailey", flags | MFD_NOEXEC_SEAL);

    return (int)(fd < 0 && errno == EINVAL ? syscall(SYS_memfd_create, "bailey", flags) : fd);
}

static int fill(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(fd, bytes, length);

        if (written < 0)
            return -1;
        bytes += written;
        length -= (size_t)written;
    }
    if (fchmod(fd, S_IRUSR) < 0)
        return -1;
    return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
}

napi_value addon_memory_file(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    void *bytes;
    size_t length;
    int fd, error;

    if (!read_arguments(env, info, 1, args))
        return NULL;
    if (napi_get_buffer_info(env, args[0], &bytes, &length) != napi_ok) {
        napi_throw_type_error(env, NULL, "memoryFile takes a Buffer");
        return NULL;
    }
    fd = create();
    if (fd < 0)
        return throw_errno(env, errno, "memfd_create");
    if (fill(fd, bytes, length) < 0) {
        error = errno;
        close(fd);
        return throw_errno(env, error, "memoryFile");
    }
    return make_int(env, fd);
}
