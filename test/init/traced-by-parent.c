/*
 * Makes its parent its tracer, as some programs do against debuggers: traced-by-parent end|raise|execute
 * Waits for a line before that. Then it exits with 5, raises SIGTERM, whose handler exits with 7, or executes
 * `sh -c 'exit 6'`.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

static void end(int signal)
{
    (void)signal;
    _exit(7);
}

int main(int argc, char **argv)
{
    char byte = 0;

    if (argc != 2 || signal(SIGTERM, end) == SIG_ERR)
        return 64;
    puts("up");
    fflush(stdout);
    while (byte != '\n' && read(STDIN_FILENO, &byte, 1) == 1)
        ;
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
        return 71;
    puts("traced");
    fflush(stdout);
    if (strcmp(argv[1], "raise") == 0)
        raise(SIGTERM);
    if (strcmp(argv[1], "execute") == 0)
        execl("/bin/sh", "sh", "-c", "exit 6", (char *)NULL);
    return 5;
}
