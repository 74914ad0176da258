/* The parts of dist/bailey-agent behind the program: Node, libraries, the addon and the bundle. */
#ifndef BAILEY_PAYLOAD_H
#define BAILEY_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * scripts/inject.js appends to the program: the parts one after the other, then one struct part for each, then one
 * struct payload_end. Numbers are in the byte order of the machine.
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
    int file; /* this file; Node inherits the descriptor */
    size_t count;
    struct part parts[MOST_PARTS];
};

/* Opens this file and reads its table. On failure it exits with a message. */
void open_payload(struct payload *payload);

/* Returns the part with this name. Exits with a message when there is none. */
const struct part *find_part(const struct payload *payload, const char *name);

/*
 * Copies a part to a file in memory, since the file system of the image may be read-only. Node inherits the descriptor.
 * @return the descriptor; on failure it exits with a message
 */
int copy_part_to_memory(const struct payload *payload, const struct part *part);

#endif
