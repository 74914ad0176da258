#ifndef BAILEY_PAYLOAD_H
#define BAILEY_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What scripts/inject.js has put behind the program in its own file: the parts one after the other, then one of these
 * records for each, then a struct payload_end. Numbers are in this machine's byte order.
 */
struct part {
    char name[32]; /* with its terminator */
    uint64_t offset;
    uint64_t size;
};

struct payload_end {
    char mark[8];
    uint64_t count;
};

enum { MOST_PARTS = 12 };

struct payload {
    int file; /* our own, open; whoever we become inherits it */
    size_t count;
    struct part parts[MOST_PARTS];
};

/* Opens our own file and reads its table, or ends with a sentence. */
void open_payload(struct payload *payload);

/* The part of this name, or an end with a sentence. */
const struct part *find_part(const struct payload *payload, const char *name);

/*
 * Copies a part to a file of its own that exists in memory only: no file system of the image need be writable. It stays
 * open for whoever we become.
 * @return its descriptor; it ends with a sentence where there is none
 */
int copy_part(const struct payload *payload, const struct part *part);

#endif
