/* See superblock.h. */
#include "superblock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { UUID_BYTES = 16, UUID_TEXT = 37 };

/* Where each type has its magic number and its UUID, in bytes from the start of the device. */
struct layout {
    const char *type;
    unsigned char magic[4];
    unsigned int magic_bytes, magic_at, uuid_at;
};

static const struct layout layouts[] = {
    {"ext4", {0x53, 0xEF}, 2, 1024 + 56, 1024 + 104},
    {"xfs", {'X', 'F', 'S', 'B'}, 4, 0, 32},
};

static const struct layout *layout_of(const char *type)
{
    size_t at;

    for (at = 0; at < sizeof layouts / sizeof *layouts; at++)
        if (strcmp(layouts[at].type, type) == 0)
            return &layouts[at];
    return NULL;
}

static void to_text(const unsigned char uuid[UUID_BYTES], char text[UUID_TEXT])
{
    int at, length = 0;

    for (at = 0; at < UUID_BYTES; at++)
        length += snprintf(text + length, (size_t)(UUID_TEXT - length), at == 4 || at == 6 || at == 8 || at == 10 ? "-%02x" : "%02x",
                           uuid[at]);
}

int check_identity(int device, const char *type, const char *uuid)
{
    const struct layout *layout = layout_of(type);
    unsigned char start[2048];
    char found[UUID_TEXT];

    if (layout == NULL) {
        errno = EINVAL;
        return -1;
    }
    if (pread(device, start, sizeof start, 0) != (ssize_t)sizeof start ||
        memcmp(start + layout->magic_at, layout->magic, layout->magic_bytes) != 0) {
        errno = EUCLEAN;
        return -1;
    }
    to_text(start + layout->uuid_at, found);
    if (strcmp(found, uuid) != 0) {
        errno = ESTALE;
        return -1;
    }
    return 0;
}

const char *identify(int device, const char *uuid)
{
    size_t at;

    for (at = 0; at < sizeof layouts / sizeof *layouts; at++) {
        if (check_identity(device, layouts[at].type, uuid) == 0)
            return layouts[at].type;
        if (errno != EUCLEAN)
            return NULL;
    }
    return NULL;
}
