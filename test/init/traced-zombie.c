/*
 * Exits with CODE, but a debugger keeps it as a zombie until a line comes on standard input: traced-zombie CODE
 * Prints "held" when it is a zombie. Its parent sees the end only when the debugger detaches.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static int hold(pid_t held, int seized)
{
    siginfo_t ended;
    char byte = 0;
    int status;

    if (ptrace(PTRACE_SEIZE, held, 0, 0) < 0 || write(seized, "", 1) != 1)
        return 70;
    if (waitid(P_PID, (id_t)held, &ended, WEXITED | WNOWAIT) < 0)
        return 71;
    puts("held");
    fflush(stdout);
    while (byte != '\n' && read(STDIN_FILENO, &byte, 1) == 1)
        ;
    return waitpid(held, &status, 0) == held ? 0 : 72;
}

int main(int argc, char **argv)
{
    const pid_t self = getpid();
    int ready[2];
    char byte;

    if (argc != 2 || pipe(ready) < 0)
        return 64;
    /* Yama: a process may only trace its descendants, unless the target permits more. */
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    const pid_t debugger = fork();
    if (debugger < 0)
        return 71;
    if (debugger == 0)
        _exit(hold(self, ready[1]));
    close(ready[1]);
    /* Without the byte the debugger has failed. */
    return read(ready[0], &byte, 1) == 1 ? atoi(argv[1]) : 73;
}
