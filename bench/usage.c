/*
 * Measures the time and the peak memory of a command: usage PROGRAM [ARGUMENT...]
 * Prints the milliseconds from start to end of the command, and its largest resident set or that of a process for which it waited
 * (ru_maxrss in KB, getrusage(2); execve(2) does not reset it). The output of the command is discarded.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    const double start = now_ms();
    const pid_t child = argc > 1 ? fork() : -1;
    struct rusage used;
    int status;

    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), 1);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) != child)
        return 70;
    if (status != 0) {
        fprintf(stderr, "usage: %s ended with wait status 0x%x\n", argv[1], status);
        return 1;
    }
    printf("%.3f %ld\n", now_ms() - start, used.ru_maxrss);
    return 0;
}
