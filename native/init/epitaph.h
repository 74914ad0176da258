#ifndef BAILEY_EPITAPH_H
#define BAILEY_EPITAPH_H

#include "signals.h"
#include "spawn.h"

/*
 * After an end by a signal that nobody sent through us, and that isn't an ordinary request to end, says in one line who died of what, and that it was the kernel
 * for want of memory when the cgroup's counters say so, with limit and peak. Also into /dev/termination-log, which
 * Kubernetes shows as the reason of the end, unless the program has left its own word there.
 */
void write_epitaph(const struct settings *settings, const struct child *child, int status,
                   const struct forwarding *forwarding);

#endif
