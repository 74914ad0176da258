/* Blocking, fetching and forwarding signals. */
#ifndef BAILEY_SIGNALS_H
#define BAILEY_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "settings.h"
#include "signal_set.h"

struct child;

/* The signal state that this process was started with and that the program gets. */
struct inherited_signals {
    signal_set mask;
    bool sigchld_ignored; /* SIGCHLD was ignored */
};

/* The state of forwarding. */
struct forwarding {
    signal_set forwarded; /* all that this process has sent to the program, after rewriting */
    uint64_t kill_at;     /* when --stop-timeout ends, on the clock of now_ms(); 0: it does not run */
};

/*
 * Blocks every signal, and sets SIGCHLD to its default so that no exit status is lost. Other dispositions stay: a
 * blocked signal stays pending even if it is ignored.
 */
void block_signals(struct inherited_signals *given);

/* Unblocks the signals that the dialect neither blocks nor forwards, unless they were blocked at the start. */
void unblock_signals(signal_set unblocked, const struct inherited_signals *given);

/*
 * In the child, restores the inherited mask and dispositions, or sets the defaults. Signals are delivered from here on.
 */
void restore_signals(const struct inherited_signals *given, bool fresh);

/*
 * Waits for the next of some blocked signals.
 * @param milliseconds how long at most; negative: without limit
 * @return its number, with its origin in *info; 0 when none arrived in time
 */
int next_signal(signal_set wanted, siginfo_t *info, int milliseconds);

/* Returns the pending signals. */
signal_set pending_signals(void);

/* Returns a signalfd (close-on-exec) that is readable while one of the signals is pending, or -1 with errno. */
int open_signalfd(signal_set wanted);

/* Whether sigtimedwait(2) is permitted. */
bool can_wait_for_signals(void);

/*
 * Detaches from a stopped child that has made this process its tracer (PTRACE_TRACEME, which programs use against
 * debuggers): only the tracer can continue it. It gets the signal that it was stopped for, except the SIGTRAP of an
 * execve(2).
 * @return false when this process does not trace it
 */
bool detach_traced(pid_t pid, int signal);

/*
 * Forwards a signal to the program or its process group, or drops it, according to the settings. A signal that was queued
 * with a value (sigqueue(3)) keeps the value unless it is rewritten. SIGTERM starts --stop-timeout.
 */
void forward_signal(const struct settings *settings, const struct child *child, struct forwarding *forwarding,
                    const siginfo_t *info);

/*
 * Sends SIGKILL to the program if --stop-timeout is over.
 * @return milliseconds until then; -1 when it does not run
 */
int kill_after_timeout(const struct settings *settings, const struct child *child, struct forwarding *forwarding);

/*
 * Sends SIGTERM to the process group of a program that has ended. Call it before the program is reaped, unless it has a
 * pidfd, which identifies the group as long as the group has members.
 */
void terminate_group(const struct settings *settings, const struct child *child);

/*
 * Whether signals can be sent through a pidfd.
 * @param to_group to its whole process group (Linux 6.9)
 */
bool can_signal(const struct child *child, bool to_group);

#endif
