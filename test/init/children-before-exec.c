/*
 * Creates zombies, then executes a program: children-before-exec PROGRAM [ARGUMENT...]
 * At their end, the three children have sent SIGCHLD, SIGURG and no signal (clone(2)). A fourth child, which sends no signal,
 * ends when a line comes on standard input.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child_with(int exit_signal)
{
    return (pid_t)syscall(SYS_clone, exit_signal, 0, 0, 0, 0);
}

static int zombie_with(int exit_signal)
{
    siginfo_t ended;
    const pid_t child = child_with(exit_signal);

    if (child == 0)
        _exit(1);
    return child < 0 ? -1 : waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT | __WALL);
}

int main(int argc, char **argv)
{
    char byte = 0;

    if (argc < 2)
        return 64;
    if (zombie_with(SIGCHLD) < 0 || zombie_with(SIGURG) < 0 || zombie_with(0) < 0)
        return 71;
    const pid_t later = child_with(0);
    if (later < 0)
        return 71;
    if (later == 0) {
        while (byte != '\n' && read(STDIN_FILENO, &byte, 1) == 1)
            ;
        _exit(1);
    }
    execvp(argv[1], argv + 1);
    return 127;
}
