#ifndef BAILEY_SIGNAL_SET_H
#define BAILEY_SIGNAL_SET_H

#include <signal.h>
#include <stdint.h>

/*
 * A set of signals as the kernel has it, bit n-1 for signal n. libc's own type won't do: its functions leave out the
 * real-time signals that libc keeps for itself (32 to 34), but a container's programs may send them all the same.
 */
typedef uint64_t signal_set;

enum { LAST_SIGNAL = 64 };

static inline signal_set signal_bit(int number)
{
    return (signal_set)1 << (number - 1);
}

/* Sent by the kernel to a process that has done wrong; when somebody else sends one, it is meant for this process. */
#define FAULTS                                                                                                         \
    (1ull << (SIGILL - 1) | 1ull << (SIGTRAP - 1) | 1ull << (SIGABRT - 1) | 1ull << (SIGBUS - 1) |                     \
     1ull << (SIGFPE - 1) | 1ull << (SIGSEGV - 1) | 1ull << (SIGSYS - 1))
#define TERMINAL_STOPS (1ull << (SIGTSTP - 1) | 1ull << (SIGTTIN - 1) | 1ull << (SIGTTOU - 1))
#define TERMINAL_ACCESS (1ull << (SIGTTIN - 1) | 1ull << (SIGTTOU - 1))

#endif
