/*
 * Sends PID 1 one signal around the time when it creates its first child: signal-at-birth SIGNAL DELAY INIT [ARGUMENT...]
 * This process is PID 1 and executes INIT. Its child waits until INIT's child exists and then spins DELAY times, so that
 * many rounds with different delays hit every instant between fork and exec.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The sender's own pid is 2 in the namespace; the next one is the child of INIT. */
static int send_at_birth(int signal, long delay)
{
    while (kill(3, 0) < 0)
        ;
    for (volatile long i = 0; i < delay; i++)
        ;
    return kill(1, signal) < 0;
}

int main(int argc, char **argv)
{
    if (argc < 4 || getpid() != 1)
        return 64;
    const pid_t sender = fork();
    if (sender < 0)
        return 71;
    if (sender == 0)
        _exit(send_at_birth(atoi(argv[1]), atol(argv[2])));
    execvp(argv[3], argv + 3);
    return 127;
}
