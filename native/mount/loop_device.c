/* See loop_device.h. */
#include "loop_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* From linux/loop.h, which musl-gcc does not see. */
enum {
    LOOP_GET_STATUS64_ = 0x4C05,
    LOOP_SET_CAPACITY_ = 0x4C07,
    LOOP_CONFIGURE_ = 0x4C0A, /* Linux 5.8 */
    LOOP_CTL_GET_FREE_ = 0x4C82,
    LO_FLAGS_AUTOCLEAR_ = 4,
    LO_FLAGS_DIRECT_IO_ = 16,
};

struct loop_info64_ {
    uint64_t device, inode, rdevice, offset, size_limit;
    uint32_t number, encrypt_type, encrypt_key_size, flags;
    uint8_t file_name[64], crypt_name[64], encrypt_key[32];
    uint64_t init[2];
};
_Static_assert(sizeof(struct loop_info64_) == 232, "struct loop_info64 has 232 bytes");

struct loop_config_ {
    uint32_t fd, block_size;
    struct loop_info64_ info;
    uint64_t reserved[8];
};
_Static_assert(sizeof(struct loop_config_) == 304, "struct loop_config has 304 bytes");

/* Number of attempts: another process may take the free device first. */
enum { TRIES = 64 };

/*
 * Small enough for every file system. If the disk of the image has larger sectors, the kernel does not use direct I/O.
 */
enum { SECTOR_BYTES = 512 };

static int configure(int device, int image)
{
    const struct loop_config_ config = {
        .fd = (uint32_t)image,
        .block_size = SECTOR_BYTES,
        /* Direct I/O if possible: otherwise data is in the page cache twice. */
        .info.flags = LO_FLAGS_AUTOCLEAR_ | LO_FLAGS_DIRECT_IO_,
    };

    return ioctl(device, LOOP_CONFIGURE_, &config);
}

static int is_on(int device, int image)
{
    struct loop_info64_ info;
    struct stat status;

    if (ioctl(device, LOOP_GET_STATUS64_, &info) != 0 || fstat(image, &status) != 0)
        return 0;
    /* The kernel encodes the device number with huge_encode_dev: the lower 32 bits of makedev(3). */
    return info.inode == status.st_ino && (uint32_t)info.device == (uint32_t)status.st_dev;
}

int create_loop_device(int image, char path[LOOP_PATH_SIZE])
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int tries, error = EBUSY;

    if (control == -1)
        return -1;
    for (tries = 0; tries < TRIES; tries++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE_);
        int device;

        if (number < 0)
            return -1;
        (void)snprintf(path, LOOP_PATH_SIZE, "/dev/loop%d", number);
        device = open(path, O_RDWR | O_CLOEXEC);
        if (device == -1)
            return -1;
        if (configure(device, image) == 0) {
            if (is_on(device, image))
                return device;
            errno = ESTALE;
            return -1;
        }
        error = errno;
        close(device);
        if (error != EBUSY)
            break;
    }
    errno = error;
    return -1;
}

int reopen_loop_device(int image, const char *path)
{
    int device = open(path, O_RDWR | O_CLOEXEC);

    if (device == -1)
        return -1;
    if (!is_on(device, image)) {
        close(device);
        errno = ENXIO;
        return -1;
    }
    return device;
}

int update_loop_size(int image, const char *path)
{
    int device = reopen_loop_device(image, path);

    if (device == -1)
        return -1;
    return ioctl(device, LOOP_SET_CAPACITY_) == 0 ? device : -1;
}
