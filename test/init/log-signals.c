/* Prints "ready", then one line for each signal that arrives: its number, si_code and value. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    const uint64_t every = ~(uint64_t)0;
    siginfo_t info;

    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, NULL, sizeof every) < 0)
        return 70;
    puts("ready");
    for (;;) {
        fflush(stdout);
        const long number = syscall(SYS_rt_sigtimedwait, &every, &info, NULL, sizeof every);
        if (number > 0)
            printf("%ld %d %d\n", number, info.si_code, info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
    }
}
