#ifndef BAILEY_REMAINING_PROCESSES_H
#define BAILEY_REMAINING_PROCESSES_H

#include <stdbool.h>

/*
 * Sends a signal to every process that came of us: as process 1, to everybody else in the namespace; else to our
 * descendants, and to nobody else on the machine (kill(-1) would hit all of it). Needs /proc in the second case.
 * @return false when nobody could be looked for: there is no /proc, or it is another PID namespace's
 */
bool signal_remaining_processes(int signal);

#endif
