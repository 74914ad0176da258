/* The epitaph: one line about an abnormal end of the program. */
#ifndef BAILEY_EPITAPH_H
#define BAILEY_EPITAPH_H

#include "signals.h"
#include "spawn.h"

/*
 * Writes one line when a signal ended the program that bailey-init did not forward and that is not an ordinary request
 * to end. The line names the program and the signal; if the counters of the cgroup say that the out-of-memory killer
 * killed a process, also that, with limit and peak. It never blames what the kernel does not report. The line also goes
 * to /dev/termination-log, which Kubernetes shows as the reason of the end, if the file is empty.
 */
void write_epitaph(const struct settings *settings, const struct child *child, int status,
                   const struct forwarding *forwarding);

#endif
