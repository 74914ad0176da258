/*
 * A program whose first thread is not the last one to end.
 *
 *   first-thread-ends leaves CODE             the first thread ends, then another one exits with CODE
 *   first-thread-ends leaves-killed SIGNAL    the same, but the other one ends the process by a signal
 *   first-thread-ends execs PROGRAM [ARG...]  another thread than the first one executes PROGRAM
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_t first;
static char **arguments;

/* pthread_join on the first thread returns when it has ended. */
static void *outlive(void *unused)
{
    (void)unused;
    pthread_join(first, NULL);
    if (strcmp(arguments[1], "leaves-killed") == 0)
        kill(getpid(), atoi(arguments[2]));
    _exit(atoi(arguments[2]));
}

static void *become_another(void *unused)
{
    (void)unused;
    execvp(arguments[2], arguments + 2);
    _exit(127);
}

int main(int argc, char **argv)
{
    pthread_t other;

    if (argc < 3)
        return 64;
    arguments = argv;
    first = pthread_self();
    if (pthread_create(&other, NULL, strcmp(argv[1], "execs") == 0 ? become_another : outlive, NULL) != 0)
        return 71;
    if (strcmp(argv[1], "execs") == 0)
        pthread_join(other, NULL);
    pthread_exit(NULL);
}
