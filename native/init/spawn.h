/* Starting the program. */
#ifndef BAILEY_SPAWN_H
#define BAILEY_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "terminal.h"

struct settings;
struct inherited_signals;

/* The program: the process whose exit status this process exits with. */
struct child {
    pid_t pid;
    int pidfd; /* close-on-exec; -1 without one (before Linux 5.2, or refused) */
    enum terminal terminal;
};

/*
 * Starts the program, in the process group or session of the settings, with the inherited signal state. If the program
 * cannot be executed, the child reports the reason and exits with the dialect's exit code for it.
 * @return false with errno when no process could be created
 */
bool spawn(const struct settings *settings, const struct inherited_signals *given, enum terminal terminal,
           struct child *child);

#endif
