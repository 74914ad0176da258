/* The processes that the program has started and that may outlive it. */
#ifndef BAILEY_REMAINING_PROCESSES_H
#define BAILEY_REMAINING_PROCESSES_H

#include <stdbool.h>

/*
 * Sends a signal to every other process of the PID namespace, as PID 1, or to every descendant otherwise: kill(-1)
 * would signal all processes of the machine then. Descendants are found in /proc.
 * @return false when they cannot be found: there is no /proc, or it belongs to another PID namespace
 */
bool signal_remaining_processes(int signal);

#endif
