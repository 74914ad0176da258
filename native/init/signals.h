#ifndef BAILEY_SIGNALS_H
#define BAILEY_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "spawn.h"

/*
 * A set of signals as the kernel has it, bit n-1 for signal n. libc's own type won't do: its functions leave out the
 * real-time signals that libc keeps for itself (32 to 34), but a container's programs may send them all the same.
 */
typedef uint64_t signal_set;

/* What this process was given by whoever started it, and hands on to the program. */
struct signals_given {
    signal_set mask;
    bool child_ended_ignored; /* SIGCHLD was ignored */
};

/*
 * Blocks every signal, and sets SIGCHLD to its default so that no exit status gets lost. Other dispositions are left
 * alone: as long as a signal is blocked it stays pending even when it is ignored.
 */
void hold_signals(struct signals_given *given);

/* In the child: mask and dispositions become those that were given. Signals arrive from here on. */
void give_signals_back(const struct signals_given *given);

/*
 * Waits for the next signal.
 * @return its number; *info says where it came from
 */
int next_signal(siginfo_t *info);

/* A signalfd (close-on-exec) for every signal except SIGCHLD, or -1 with errno. */
int open_signals(void);

/* Reads one signal from open_signals()'s descriptor; false when there was none. */
bool read_signal(int signals, siginfo_t *info);

/* Sends a signal on to the program, with the value that came with it when it was queued (sigqueue(3)). */
void forward_signal(const struct child *child, const siginfo_t *info);

#endif
