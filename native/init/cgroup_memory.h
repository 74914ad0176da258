/* The memory counters of the cgroup. */
#ifndef BAILEY_CGROUP_MEMORY_H
#define BAILEY_CGROUP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* The counters since the cgroup was created; cgroups(7). */
struct cgroup_memory {
    uint64_t kills; /* processes that the out-of-memory killer killed */
    uint64_t limit; /* bytes; 0: none or unknown */
    uint64_t peak;  /* bytes; 0: unknown */
};

/*
 * Reads the counters where a container has its own cgroup mounted, version 2 or 1.
 * @return false when neither is mounted
 */
bool read_cgroup_memory(struct cgroup_memory *memory);

#endif
