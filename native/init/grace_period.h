/* The processes that remain when the program has ended: --grace and --wait-all. */
#ifndef BAILEY_GRACE_PERIOD_H
#define BAILEY_GRACE_PERIOD_H

#include "signals.h"

/*
 * Waits for the processes that remain after the program, if the settings require that. With --grace they get SIGTERM at once,
 * and SIGKILL after the grace period. With --wait-all they get no signal until a SIGTERM to bailey-init starts the
 * grace period, if there is one. Returns as soon as the last process has ended, and at most five seconds after SIGKILL.
 */
void end_remaining_processes(const struct settings *settings, const struct forwarding *forwarding);

#endif
