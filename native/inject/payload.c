/* See payload.h. */
#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sysexits.h>
#include <unistd.h>

#include "exit_with_message.h"

static const char mark[sizeof((struct payload_end *)NULL)->mark] = {'b', 'a', 'i', 'l', 'e', 'y', '-', '1'};

static bool read_at(int file, void *into, size_t size, off_t offset)
{
    return offset >= 0 && pread(file, into, size, offset) == (ssize_t)size;
}

/*
 * Whether each part is inside the file and has a terminated name. A file that was copied incompletely must not be run.
 */
static bool is_sound(const struct payload *payload, off_t file_size)
{
    const uint64_t end = (uint64_t)file_size;

    for (size_t i = 0; i < payload->count; i++) {
        const struct part *part = &payload->parts[i];

        if (memchr(part->name, '\0', sizeof part->name) == NULL || part->offset > end ||
            part->size > end - part->offset)
            return false;
    }
    return true;
}

void open_payload(struct payload *payload)
{
    struct payload_end end;
    off_t size;

    payload->file = open("/proc/self/exe", O_RDONLY);
    if (payload->file < 0) {
        if (errno == EACCES)
            exit_with_message(EX_NOPERM, "this file cannot be read", errno, "chmod a+rx it");
        exit_with_message(EX_CONFIG, "/proc/self/exe cannot be opened", errno, "mount /proc");
    }
    size = lseek(payload->file, 0, SEEK_END);
    if (!read_at(payload->file, &end, sizeof end, size - (off_t)sizeof end) ||
        memcmp(end.mark, mark, sizeof mark) != 0 || end.count > MOST_PARTS)
        exit_with_message(EX_CONFIG, "this file is not complete", 0, "copy it again");
    payload->count = (size_t)end.count;
    const size_t table = payload->count * sizeof *payload->parts;
    if (!read_at(payload->file, payload->parts, table, size - (off_t)(sizeof end + table)) || !is_sound(payload, size))
        exit_with_message(EX_CONFIG, "this file is not complete", 0, "copy it again");
}

const struct part *find_part(const struct payload *payload, const char *name)
{
    for (size_t i = 0; i < payload->count; i++)
        if (strcmp(payload->parts[i].name, name) == 0)
            return &payload->parts[i];
    exit_with_message(EX_CONFIG, "this file is not complete", 0, "copy it again");
}

int copy_part_to_memory(const struct payload *payload, const struct part *part)
{
    const int file = memfd_create(part->name, 0);
    const off_t end = (off_t)(part->offset + part->size);
    off_t at = (off_t)part->offset;

    if (file < 0)
        exit_with_message(EX_CANTCREAT, "cannot create a file in memory", errno, "allow memfd_create(2)");
    while (at < end) {
        const ssize_t sent = sendfile(file, payload->file, &at, (size_t)(end - at));

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            exit_with_message(EX_IOERR, "this file cannot be copied to memory", sent < 0 ? errno : EIO, NULL);
    }
    return file;
}
