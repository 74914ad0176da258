/*
 * The program in place of every program of a hostile image. As process 1 it waits. Any other process that executes it creates
 * a file in /proof, with the permissions of that process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char name[64];
    int fd;

    if (getpid() == 1 && argc == 2) {
        signal(SIGTERM, exit);
        /* Keeps a folder open, which another process could follow through /proc/1/fd. */
        if (open("/data", O_RDONLY | O_DIRECTORY) == -1)
            return 1;
        for (;;)
            pause();
    }
    snprintf(name, sizeof name, "/proof/%ld-%ld", (long)getpid(), (long)time(NULL));
    fd = open(name, O_WRONLY | O_CREAT, 0666);
    if (fd != -1)
        dprintf(fd, "%s as uid %u\n", argv[0], getuid());
    return 0;
}
