/* The ordinary way: SIGCHLD, then waitpid. */
#include <signal.h>
#include <sys/wait.h>

#include "reap.h"
#include "signals.h"

bool collect_ended(const struct child *child, int *status)
{
    pid_t ended;

    while ((ended = waitpid(-1, status, WNOHANG)) > 0)
        if (ended == child->pid)
            return true;
    return false;
}

int reap_by_waiting(const struct child *child)
{
    /* Without the pidfd: nobody else reaps it, so its number stays its own, and pidfd_send_signal may be refused. */
    const struct child by_number = {.pid = child->pid, .pidfd = -1};
    siginfo_t info;
    int status;

    /* One SIGCHLD may stand for many (they coalesce): after each, everybody is collected (catatonit#4 hung). */
    while (!collect_ended(child, &status))
        while (next_signal(&info) != SIGCHLD)
            forward_signal(&by_number, &info);
    return status;
}
