/* sigqueue(3) from the command line: queue-signal PID SIGNAL VALUE */
#define _POSIX_C_SOURCE 199309L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    const union sigval value = {.sival_int = atoi(argv[3])};
    if (sigqueue(atoi(argv[1]), atoi(argv[2]), value) == 0)
        return 0;
    perror("sigqueue");
    return 1;
}
