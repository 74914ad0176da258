/* See grow_file_system.h. */
#include "grow_file_system.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>

/* From the kernel's fs/ext4/ext4.h (Linux 3.3), in linux/ext4.h since 6.7: the new number of blocks. */
#define EXT4_IOC_RESIZE_FS_ _IOW('f', 16, uint64_t)

/* From the kernel's fs/xfs/libxfs/xfs_fs.h (Linux 2.6), which no kernel header package has. */
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
    growth.inode_percent = geometry.inode_percent; /* unchanged */
    return ioctl(root, (int)XFS_IOC_FSGROWFSDATA_, &growth);
}

int grow_file_system(int root, int device, const char *type)
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
