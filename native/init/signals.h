#ifndef BAILEY_SIGNALS_H
#define BAILEY_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "settings.h"
#include "signal_set.h"

struct child;

/* What this process was given by whoever started it, and hands on to the program. */
struct inherited_signals {
    signal_set mask;
    bool sigchld_ignored; /* SIGCHLD was ignored */
};

/* What has become of the signals until now. */
struct forwarding {
    signal_set forwarded; /* those that were sent to the program, as they were sent, by us too */
    uint64_t kill_at;     /* when the program is killed for not ending, as now_ms() counts; 0: never */
};

/*
 * Blocks every signal, and sets SIGCHLD to its default so that no exit status gets lost. Other dispositions are left
 * alone: as long as a signal is blocked it stays pending even when it is ignored.
 */
void block_signals(struct inherited_signals *given);

/* Leaves alone what the dialect wants left alone: those signals do to us what they did before we came. */
void unblock_signals(signal_set unblocked, const struct inherited_signals *given);

/*
 * In the child: mask and dispositions become those that were given, or the kernel's defaults. Signals arrive from here
 * on.
 */
void restore_signals(const struct inherited_signals *given, bool fresh);

/*
 * Waits for the next of some signals, which have to be blocked: those that are left alone are not.
 * @param milliseconds how long at most; negative: for ever
 * @return its number, with *info about where it came from; 0 when none came in time
 */
int next_signal(signal_set wanted, siginfo_t *info, int milliseconds);

/* The signals that have come and wait to be taken. */
signal_set pending_signals(void);

/* A signalfd (close-on-exec) that tells when one of them waits to be taken, or -1 with errno. */
int open_signalfd(signal_set wanted);

/* Whether next_signal() can be asked without waiting. */
bool can_wait_for_signals(void);

/*
 * Lets go of a stopped child that has made us its tracer (PTRACE_TRACEME, as programs do that want no debugger): nobody
 * else could let it go on. It goes on with the signal that it was stopped for, but not with the SIGTRAP of an execve(2).
 * @return false when we don't trace it
 */
bool detach_traced(pid_t pid, int signal);

/*
 * Does with a signal what the settings say: sends it on to the program or its group, as itself or another one, with the
 * value that came with it when it was queued (sigqueue(3)), or drops it.
 */
void forward_signal(const struct settings *settings, const struct child *child, struct forwarding *forwarding,
                    const siginfo_t *info);

/*
 * Kills the program when it had its time to end and hasn't.
 * @return milliseconds until then; -1 when there is no such time
 */
int kill_after_timeout(const struct settings *settings, const struct child *child, struct forwarding *forwarding);

/*
 * SIGTERM to the group of a program that has ended: as long as nobody has reaped it, or through its pidfd, which means
 * the group for as long as the group has members.
 */
void terminate_group(const struct settings *settings, const struct child *child);

/*
 * Whether signals can be sent through a pidfd.
 * @param to_group to its whole process group (Linux 6.9)
 */
bool can_signal(const struct child *child, bool to_group);

#endif
