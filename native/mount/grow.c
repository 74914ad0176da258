#include "grow.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#ifndef BLKGETSIZE64
#define BLKGETSIZE64 _IOR(0x12, 114, size_t)
#endif

/* The kernel's fs/ext4/ext4.h: the whole number of blocks that are wanted. */
#define EXT4_IOC_RESIZE_FS_ _IOW('f', 16, uint64_t)

/* The kernel's fs/xfs/libxfs/xfs_fs.h. */
struct xfs_geometry_ {
    uint32_t before[7], inode_percent;
    uint8_t after[80];
};
_Static_assert(sizeof(struct xfs_geometry_) == 112, "struct xfs_fsop_geom_v1 has 112 bytes");
struct xfs_growth_ {
    uint64_t blocks;
    uint32_t inode_percent;
};
#define XFS_IOC_FSGEOMETRY_V1_ _IOR('X', 100, struct xfs_geometry_)
#define XFS_IOC_FSGROWFSDATA_ _IOW('X', 110, struct xfs_growth_)

static int grow_ext4(int root, uint64_t blocks)
{
    return ioctl(root, (int)EXT4_IOC_RESIZE_FS_, &blocks);
}

static int grow_xfs(int root, uint64_t blocks)
{
    struct xfs_growth_ growth = {.blocks = blocks};
    struct xfs_geometry_ geometry;

    if (ioctl(root, (int)XFS_IOC_FSGEOMETRY_V1_, &geometry) != 0)
        return -1;
    growth.inode_percent = geometry.inode_percent; /* stays as it is */
    return ioctl(root, (int)XFS_IOC_FSGROWFSDATA_, &growth);
}

int fill_device(int root, int device, const char *type)
{
    struct statfs status;
    uint64_t bytes, blocks;

    if (ioctl(device, (int)BLKGETSIZE64, &bytes) != 0 || fstatfs(root, &status) != 0)
        return -1;
    blocks = bytes / (uint64_t)status.f_bsize;
    if (strcmp(type, "ext4") == 0)
        return grow_ext4(root, blocks);
    if (strcmp(type, "xfs") == 0)
        return grow_xfs(root, blocks);
    errno = EINVAL;
    return -1;
}
