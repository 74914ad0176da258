/* See grace_period.h. */
#include "grace_period.h"

#include <unistd.h>

#include "clock.h"
#include "message.h"
#include "reap.h"
#include "remaining_processes.h"

/*
 * The interval at which SIGKILL is repeated, for processes that were forked in the meantime, and the time limit of the
 * repetition: a process of another user, or one in an uninterruptible sleep, may never end.
 */
enum { KILL_AGAIN_MS = 50, KILL_MS = 5000 };

struct grace {
    bool running;
    uint64_t until; /* end of the grace period, on the clock of now_ms(); once over, end of the repeated SIGKILL */
    bool over;
};

static void start_grace(const struct settings *settings, struct grace *grace)
{
    print_message(settings, GRACE_BEGINS, NULL);
    grace->running = true;
    grace->until = now_ms() + settings->behavior.grace_ms;
    (void)signal_remaining_processes(SIGTERM);
    /* A stopped process gets SIGTERM only when it continues (s6-svc(8) does the same). */
    (void)signal_remaining_processes(SIGCONT);
}

/*
 * Sends SIGKILL: the grace period is over.
 * @return false when bailey-init should exit now
 */
static bool kill_remaining(const struct settings *settings, struct grace *grace)
{
    if (!grace->over) {
        print_message(settings, GRACE_IS_OVER, NULL);
        grace->until = now_ms() + KILL_MS;
        grace->over = true;
        /* When PID 1 exits, the kernel kills all others of the namespace, also those of another user, and waits. */
        if (getpid() == 1)
            return false;
    }
    if (time_left(grace->until) > 0 && signal_remaining_processes(SIGKILL))
        return true;
    print_message(settings, PROCESSES_REMAIN, NULL);
    return false;
}

static void forward_to_remaining(const struct settings *settings, int received)
{
    const int signal = settings->forwarded_as[received];

    if (signal != 0)
        (void)signal_remaining_processes(signal);
}

void end_remaining_processes(const struct settings *settings, const struct forwarding *forwarding)
{
    /* From here on, this function reaps each process. The kernel has freed, or reap() has reaped, all earlier ones. */
    const struct sigaction ended_only = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    const struct behavior *behavior = &settings->behavior;
    const signal_set blocked = ~behavior->unblocked;
    struct grace grace = {0};
    siginfo_t info;
    int status;

    if (behavior->grace_ms == 0 && !behavior->wait_all)
        return;
    (void)sigaction(SIGCHLD, &ended_only, NULL);
    if (behavior->grace_ms > 0 && (!behavior->wait_all || forwarding->forwarded & signal_bit(SIGTERM)))
        start_grace(settings, &grace);
    while (reap_ended(settings, NULL, &status) != NO_CHILDREN) {
        int left = grace.running && !grace.over ? time_left(grace.until) : -1;
        if (left == 0 || grace.over) {
            if (!kill_remaining(settings, &grace))
                return;
            left = KILL_AGAIN_MS;
        }
        const int signal = next_signal(blocked, &info, left);
        if (signal == 0 || signal == SIGCHLD)
            continue;
        if (settings->forwarded_as[signal] == SIGTERM && behavior->grace_ms > 0 && !grace.running)
            start_grace(settings, &grace);
        else
            forward_to_remaining(settings, signal);
    }
}
