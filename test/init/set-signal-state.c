/*
 * Executes a program with a signal mask and ignored signals: set-signal-state MASK IGNORED PROGRAM [ARGUMENT...]
 * MASK (blocked signals) and IGNORED are hexadecimal, bit n-1 for signal n, as /proc/PID/status prints them.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 4)
        return 64;
    /* The kernel's set, since libc's leaves out 32 and 33. */
    const uint64_t mask = strtoull(argv[1], NULL, 16);
    const uint64_t ignored = strtoull(argv[2], NULL, 16);

    for (int number = 1; number <= 64; number++)
        if (ignored >> (number - 1) & 1 && signal(number, SIG_IGN) == SIG_ERR)
            return 65;
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask) < 0)
        return 66;
    execvp(argv[3], argv + 3);
    return 127;
}
