#ifndef BAILEY_GRACE_PERIOD_H
#define BAILEY_GRACE_PERIOD_H

#include "signals.h"

/*
 * After the program: waits for what it has left behind, if the settings say so. With a grace, everybody gets SIGTERM at
 * once, and SIGKILL after the grace; to wait for all without SIGTERM, or with it only when we get one, is the other way.
 * Returns when the last process has ended, however long the grace still was; some seconds after it at the latest.
 */
void end_remaining_processes(const struct settings *settings, const struct forwarding *forwarding);

#endif
