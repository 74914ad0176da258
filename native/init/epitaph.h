/* The epitaph: one line about an abnormal end of the program. */
#ifndef BAILEY_EPITAPH_H
#define BAILEY_EPITAPH_H

#include "signals.h"
#include "spawn.h"

/*
 * Writes one line when a signal ended the program, unless bailey-init forwarded that signal or it is an ordinary
 * request to end. The line names the program and the signal. If the counters of the cgroup show that the out-of-memory
 * killer killed a process, the line reports this too, with the limit and the peak. It states no cause that the kernel
 * does not report. The line is also written to /dev/termination-log, which Kubernetes shows as the reason of the end,
 * if the file is empty.
 */
void write_epitaph(const struct settings *settings, const struct child *child, int status,
                   const struct forwarding *forwarding);

#endif
