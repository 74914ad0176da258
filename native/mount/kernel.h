/*
 * The mount system calls, which musl and older glibc do not wrap. The numbers are the same on every architecture
 * (all were added after the tables were unified in Linux 5.1); structures as in the kernel's uapi headers, which
 * musl-gcc does not see.
 */
#ifndef CASTLE_MOUNT_KERNEL_H
#define CASTLE_MOUNT_KERNEL_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    NR_OPEN_TREE = 428,     /* Linux 5.2 */
    NR_MOVE_MOUNT = 429,    /* Linux 5.2 */
    NR_FSOPEN = 430,        /* Linux 5.2 */
    NR_FSCONFIG = 431,      /* Linux 5.2 */
    NR_FSMOUNT = 432,       /* Linux 5.2 */
    NR_OPENAT2 = 437,       /* Linux 5.6 */
    NR_MOUNT_SETATTR = 442, /* Linux 5.12 */
};

#define OPEN_TREE_CLONE_ 1U
#define MOVE_MOUNT_F_EMPTY_PATH_ 0x04U
#define MOVE_MOUNT_T_EMPTY_PATH_ 0x40U
#define MOUNT_ATTR_RDONLY_ 0x01U
#define MOUNT_ATTR_NOSUID_ 0x02U
#define MOUNT_ATTR_NODEV_ 0x04U
#define MOUNT_ATTR_IDMAP_ 0x00100000U /* Linux 5.12 */
#define RESOLVE_NO_MAGICLINKS_ 0x02U
#define RESOLVE_NO_SYMLINKS_ 0x04U
#define RESOLVE_IN_ROOT_ 0x10U
#define FSOPEN_CLOEXEC_ 0x01U
#define FSMOUNT_CLOEXEC_ 0x01U
enum { FSCONFIG_SET_FLAG_ = 0, FSCONFIG_SET_STRING_ = 1, FSCONFIG_CMD_CREATE_ = 6 };
#define STATX_MNT_ID_ 0x1000U
#define EMPTY_PATH_ 0x1000U /* AT_EMPTY_PATH */

struct mount_attributes {
    uint64_t set, clear, propagation, userns_fd;
};

struct open_how_ {
    uint64_t flags, mode, resolve;
};

/* struct statx up to the one field that is read; the kernel writes 256 bytes. */
struct statx_ {
    uint32_t mask;
    uint8_t before[140];
    uint64_t mount_id;
    uint8_t after[104];
};
_Static_assert(sizeof(struct statx_) == 256, "struct statx has 256 bytes");

static inline int open_tree_clone(const char *path)
{
    return (int)syscall(NR_OPEN_TREE, AT_FDCWD, path, OPEN_TREE_CLONE_ | O_CLOEXEC);
}

static inline int set_mount_attributes(int tree, const struct mount_attributes *attributes)
{
    return (int)syscall(NR_MOUNT_SETATTR, tree, "", EMPTY_PATH_, attributes, sizeof *attributes);
}

static inline int attach(int tree, int folder)
{
    return (int)syscall(NR_MOVE_MOUNT, tree, "", folder, "", MOVE_MOUNT_F_EMPTY_PATH_ | MOVE_MOUNT_T_EMPTY_PATH_);
}

/*
 * Opens a folder by a path in which nothing may be a symlink: whoever owns the path can't lead us elsewhere. Absolute
 * paths begin at root, which may be in another mount namespace. access is O_PATH or O_RDONLY.
 */
static inline int open_folder_in(int root, const char *path, int access)
{
    struct open_how_ how = {
        .flags = (uint64_t)(access | O_DIRECTORY | O_CLOEXEC),
        .resolve = RESOLVE_NO_SYMLINKS_ | RESOLVE_NO_MAGICLINKS_ | RESOLVE_IN_ROOT_,
    };

    return (int)syscall(NR_OPENAT2, root, path, &how, sizeof how);
}

/* The same from our own root on. */
static inline int open_folder(const char *path)
{
    struct open_how_ how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS_ | RESOLVE_NO_MAGICLINKS_,
    };

    return (int)syscall(NR_OPENAT2, AT_FDCWD, path, &how, sizeof how);
}

static inline int open_file_system(const char *type)
{
    return (int)syscall(NR_FSOPEN, type, FSOPEN_CLOEXEC_);
}

static inline int configure_string(int context, const char *key, const char *value)
{
    return (int)syscall(NR_FSCONFIG, context, FSCONFIG_SET_STRING_, key, value, 0);
}

static inline int configure_flag(int context, const char *key)
{
    return (int)syscall(NR_FSCONFIG, context, FSCONFIG_SET_FLAG_, key, NULL, 0);
}

static inline int configure_create(int context)
{
    return (int)syscall(NR_FSCONFIG, context, FSCONFIG_CMD_CREATE_, NULL, NULL, 0);
}

static inline int mount_file_system(int context, unsigned int attributes)
{
    return (int)syscall(NR_FSMOUNT, context, FSMOUNT_CLOEXEC_, attributes);
}

/* The id of the mount that a descriptor is on, as in /proc/PID/mountinfo (Linux 5.8). Returns 0 or -1 and errno. */
static inline int mount_id(int fd, uint64_t *id)
{
    struct statx_ status = {0};

    if (syscall(SYS_statx, fd, "", EMPTY_PATH_, STATX_MNT_ID_, &status) != 0)
        return -1;
    *id = status.mount_id;
    return 0;
}

#endif
