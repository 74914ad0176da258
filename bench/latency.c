/*
 * Measures the time of a signal through PID 1 of a new PID namespace to its program, and of the program's answer back:
 * latency TIMES PROGRAM [ARGUMENT...]
 * PROGRAM is PID 1. This file is added as its last arguments, called with `answer`: PID 1 runs it as its program.
 * Prints the median in nanoseconds. All processes run on one CPU: with two CPUs, the result is the time that the other CPU
 * takes to wake up, ten times as long. Needs permission to create PID namespaces.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* The program: writes a byte when it is ready, and one for each SIGUSR1. */
static int answer(void)
{
    sigset_t awaited;
    int signal;

    sigemptyset(&awaited);
    sigaddset(&awaited, SIGUSR1);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    do
        if (write(STDOUT_FILENO, "", 1) != 1)
            return 70;
    while (sigwait(&awaited, &signal) == 0);
    return 70;
}

static pid_t start(char **command, int *answers)
{
    int ends[2];
    pid_t process1;

    if (pipe(ends) < 0)
        return -1;
    process1 = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (process1 == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    *answers = ends[0];
    return process1;
}

/* Keeps this process and its children on the current CPU. */
static void stay_on_one_cpu(void)
{
    cpu_set_t here;

    CPU_ZERO(&here);
    CPU_SET(sched_getcpu(), &here);
    sched_setaffinity(0, sizeof here, &here);
}

static int compare(const void *one, const void *other)
{
    const long long difference = *(const long long *)one - *(const long long *)other;

    return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv)
{
    const int times = argc > 2 ? atoi(argv[1]) : 0;
    long long *taken;
    char **command;
    char self[4096], byte;
    ssize_t length;
    int answers, status;

    if (argc == 2 && strcmp(argv[1], "answer") == 0)
        return answer();
    length = readlink("/proc/self/exe", self, sizeof self - 1);
    taken = calloc((size_t)(times > 0 ? times : 1), sizeof *taken);
    command = calloc((size_t)argc + 2, sizeof *command);
    if (times <= 0 || length <= 0 || !taken || !command)
        return 64;
    self[length] = '\0';
    memcpy(command, argv + 2, (size_t)(argc - 2) * sizeof *command);
    command[argc - 2] = self;
    command[argc - 1] = (char *)"answer";

    stay_on_one_cpu();
    const pid_t process1 = start(command, &answers);
    if (process1 < 0 || read(answers, &byte, 1) != 1) {
        fprintf(stderr, "latency: %s does not answer\n", argv[2]);
        return 70;
    }
    for (int time = 0; time < times; time++) {
        const long long begin = now();

        if (kill(process1, SIGUSR1) < 0 || read(answers, &byte, 1) != 1)
            return 70;
        taken[time] = now() - begin;
    }
    kill(process1, SIGKILL);
    waitpid(process1, &status, 0);
    qsort(taken, (size_t)times, sizeof *taken, compare);
    printf("%lld\n", taken[times / 2]);
    return 0;
}
