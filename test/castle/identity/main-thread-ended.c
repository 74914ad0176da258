/*
 * main-thread-ended PROGRAM [ARGUMENT…]: runs the program as a child of a process whose first thread has ended
 * (pthread_exit in main) while another one runs, as Go and Java programs may do. /proc/PID/stat shows a zombie, but the
 * process is alive.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *carry_on(void *argv)
{
    char **command = argv;
    int status;
    pid_t child = fork();

    if (child == -1) {
        perror("fork");
        exit(1);
    }
    if (child == 0) {
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    while (waitpid(child, &status, 0) == -1)
        if (errno != EINTR)
            exit(1);
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc < 2 || pthread_create(&thread, NULL, carry_on, argv + 1) != 0)
        return 1;
    pthread_exit(NULL);
}
