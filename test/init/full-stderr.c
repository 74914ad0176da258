/*
 * Executes a program whose standard error is a full pipe that no process reads: full-stderr PROGRAM [ARGUMENT...]
 * The read end stays open, so that a write blocks forever.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static const char filling[4096];
    int ends[2];

    if (argc < 2 || pipe(ends) < 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0)
        return 71;
    while (write(ends[1], filling, sizeof filling) > 0)
        ;
    if (fcntl(ends[1], F_SETFL, 0) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
        return 71;
    close(ends[1]);
    execvp(argv[1], argv + 1);
    return 127;
}
