/*
 * The mount system calls. glibc has wrappers since 2.36, musl none; here both libcs use the bare calls.
 *
 * The constants come from libc's headers. The definitions below #ifndef are those that musl 1.2.3 or glibc 2.36 lacks.
 * The kernel's own headers (linux/mount.h, linux/openat2.h) cannot be used: musl-gcc does not find them, a cross
 * compiler for musl has none, and linux/mount.h conflicts with glibc 2.36's sys/mount.h. The kernel never changes these
 * values.
 */
#ifndef CASTLE_MOUNT_MOUNT_CALLS_H
#define CASTLE_MOUNT_MOUNT_CALLS_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 5.2 */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1U
#define MOVE_MOUNT_F_EMPTY_PATH 0x04U
#define MOVE_MOUNT_T_EMPTY_PATH 0x40U
#define MOUNT_ATTR_RDONLY 0x01U
#define MOUNT_ATTR_NOSUID 0x02U
#define MOUNT_ATTR_NODEV 0x04U
#define FSOPEN_CLOEXEC 0x01U
#define FSMOUNT_CLOEXEC 0x01U
enum { FSCONFIG_SET_FLAG = 0, FSCONFIG_SET_STRING = 1, FSCONFIG_CMD_CREATE = 6 };
#endif

/* Linux 5.6 */
#ifndef RESOLVE_NO_SYMLINKS
#define RESOLVE_NO_MAGICLINKS 0x02U
#define RESOLVE_NO_SYMLINKS 0x04U
#define RESOLVE_IN_ROOT 0x10U
struct open_how {
    uint64_t flags, mode, resolve;
};
#endif

/* Linux 5.12 */
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000U
struct mount_attr {
    uint64_t attr_set, attr_clr, propagation, userns_fd;
};
#endif

/* Linux 5.8; not every libc that has struct statx has the field. */
#define STATX_MNT_ID_ 0x1000U

/* struct statx with the one field that is read; the kernel writes 256 bytes. */
struct statx_ {
    uint32_t mask;
    uint8_t before[140];
    uint64_t mount_id;
    uint8_t after[104];
};
_Static_assert(sizeof(struct statx_) == 256, "struct statx has 256 bytes");

static inline int open_tree_clone(const char *path)
{
    return (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC);
}

static inline int set_mount_attributes(int tree, const struct mount_attr *attributes)
{
    return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, attributes, sizeof *attributes);
}

static inline int attach(int tree, int folder)
{
    return (int)syscall(SYS_move_mount, tree, "", folder, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/*
 * Opens a folder below a root. Symbolic links and magic links are refused in the whole path: the owner of a folder on
 * the path could point one at a folder of another container or of the host. A mount point, which only a privileged
 * process of that mount namespace can create, is crossed.
 *
 * root    descriptor of the folder where the path begins; it may be in another mount namespace
 * access  O_PATH or O_RDONLY
 */
static inline int open_folder_in(int root, const char *path, int access)
{
    struct open_how how = {
        .flags = (uint64_t)(access | O_DIRECTORY | O_CLOEXEC),
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT,
    };

    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* The same below the root of this process. */
static inline int open_folder(const char *path)
{
    struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static inline int open_file_system(const char *type)
{
    return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static inline int configure_string(int context, const char *key, const char *value)
{
    return (int)syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
}

static inline int configure_flag(int context, const char *key)
{
    return (int)syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, key, NULL, 0);
}

static inline int configure_create(int context)
{
    return (int)syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static inline int mount_file_system(int context, unsigned int attributes)
{
    return (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
}

/*
 * Gets the id of the mount that a descriptor is on, as in /proc/PID/mountinfo (Linux 5.8). Returns 0, or -1 and errno.
 */
static inline int mount_id(int fd, uint64_t *id)
{
    struct statx_ status = {0};

    if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID_, &status) != 0)
        return -1;
    *id = status.mount_id;
    return 0;
}

#endif
