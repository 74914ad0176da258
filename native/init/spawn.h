#ifndef BAILEY_SPAWN_H
#define BAILEY_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct signals_given;

/* The program that was asked for: the one process whose exit status matters. */
struct child {
    pid_t pid;
    int pidfd; /* close-on-exec; -1 when the kernel gives none (before Linux 5.2) */
};

/*
 * Starts the program in a process group of its own, with the signals as they were given, in the foreground of the
 * terminal if we are there. When it cannot be executed, the child says why and ends with 127 (not found) or 126.
 * @return false with errno when no process could be created
 */
bool spawn(char *const program[], const struct signals_given *given, struct child *child);

#endif
