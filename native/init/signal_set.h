/* Sets of signals. */
#ifndef BAILEY_SIGNAL_SET_H
#define BAILEY_SIGNAL_SET_H

#include <signal.h>
#include <stdint.h>

/*
 * A set of signals in the kernel's format, bit n-1 for signal n. The functions of libc for sigset_t leave out the
 * real-time signals that libc uses itself (32 to 34), which other programs may send.
 */
typedef uint64_t signal_set;

enum { LAST_SIGNAL = 64 };

static inline signal_set signal_bit(int number)
{
    return (signal_set)1 << (number - 1);
}

/* The kernel sends these for a fault of the process itself. */
#define FAULTS                                                                                                         \
    (1ull << (SIGILL - 1) | 1ull << (SIGTRAP - 1) | 1ull << (SIGABRT - 1) | 1ull << (SIGBUS - 1) |                     \
     1ull << (SIGFPE - 1) | 1ull << (SIGSEGV - 1) | 1ull << (SIGSYS - 1))
#define TERMINAL_STOPS (1ull << (SIGTSTP - 1) | 1ull << (SIGTTIN - 1) | 1ull << (SIGTTOU - 1))
#define TERMINAL_ACCESS (1ull << (SIGTTIN - 1) | 1ull << (SIGTTOU - 1))

#endif
