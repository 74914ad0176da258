#ifndef BAILEY_CGROUP_MEMORY_H
#define BAILEY_CGROUP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* What our cgroup has counted since it was made, cgroups(7). */
struct cgroup_memory {
    uint64_t kills; /* processes that the kernel killed for want of memory */
    uint64_t limit; /* bytes; 0: none, or not known */
    uint64_t peak;  /* bytes; 0: not known */
};

/*
 * Reads them where a container has its own cgroup mounted, version 2 or 1.
 * @return false when there is neither
 */
bool read_cgroup_memory(struct cgroup_memory *memory);

#endif
