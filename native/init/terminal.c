#include "terminal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "message.h"

bool has_foreground(void)
{
    pid_t foreground = tcgetpgrp(STDIN_FILENO);

    /* In a new PID namespace both are 0 when the group is one from outside: that is still the same group. */
    return foreground >= 0 && foreground == getpgrp();
}

void take_foreground(void)
{
    /* ENOTTY, ENXIO: the terminal was taken away or hung up in the meantime. */
    if (tcsetpgrp(STDIN_FILENO, getpid()) < 0 && errno != ENOTTY && errno != ENXIO)
        say("the program stays in the background of the terminal: ", strerror(errno), NULL);
}
