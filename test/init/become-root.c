/*
 * Becomes root by the set-user-ID bit of its file, ignores SIGTERM and sleeps: become-root SECONDS
 * Prints "root" when it is root.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2 || signal(SIGTERM, SIG_IGN) == SIG_ERR || setresuid(0, 0, 0) < 0)
        return 64;
    puts("root");
    fflush(stdout);
    fclose(stdout);
    sleep((unsigned int)atoi(argv[1]));
    return 0;
}
