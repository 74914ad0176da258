/*
 * Sends PID 1 real-time signals with the values 0 to COUNT-1 while it starts: early-signals COUNT INIT [ARGUMENT...]
 * This process is PID 1. It blocks every signal, so that none is lost before INIT runs, waits until the first one is
 * pending, and executes INIT, while its child continues to send.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int send_all(int count)
{
    for (int sent = 0; sent < count; sent++)
        if (sigqueue(1, 40, (union sigval){.sival_int = sent}) < 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    const uint64_t every = ~(uint64_t)0;
    sigset_t pending;

    if (argc < 3 || getpid() != 1)
        return 64;
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, NULL, sizeof every) < 0)
        return 66;
    const pid_t sender = fork();
    if (sender < 0)
        return 71;
    if (sender == 0)
        _exit(send_all(atoi(argv[1])));
    do
        sigpending(&pending);
    while (!sigismember(&pending, 40));
    execvp(argv[2], argv + 2);
    return 127;
}
