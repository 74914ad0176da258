#ifndef BAILEY_SPAWN_H
#define BAILEY_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "terminal.h"

struct settings;
struct inherited_signals;

/* The program that was asked for: the one process whose exit status matters. */
struct child {
    pid_t pid;
    int pidfd; /* close-on-exec; -1 when the kernel gives none (before Linux 5.2) */
    enum terminal terminal;
};

/*
 * Starts the program, isolated as the settings say, with the signals as they were given. When it cannot be executed, the
 * child says why and ends with the exit code that the dialect has for that.
 * @return false with errno when no process could be created
 */
bool spawn(const struct settings *settings, const struct inherited_signals *given, enum terminal terminal,
           struct child *child);

#endif
