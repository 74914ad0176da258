#include "grace_period.h"

#include <unistd.h>

#include "clock.h"
#include "remaining_processes.h"
#include "message.h"
#include "reap.h"

/*
 * Between two looks for processes that were born while we killed the others, and how long that goes on: a descendant of
 * another user, or one that the kernel keeps, may never end.
 */
enum { KILL_AGAIN_MS = 50, KILL_MS = 5000 };

struct grace {
    bool running;
    uint64_t until; /* as now_ms() counts; when it is over, until when SIGKILL is sent again and again */
    bool over;
};

static void begin(const struct settings *settings, struct grace *grace)
{
    print_message(settings, GRACE_BEGINS, NULL);
    grace->running = true;
    grace->until = now_ms() + settings->behavior.grace_ms;
    (void)signal_remaining_processes(SIGTERM);
    /* Who is stopped sees it only when it goes on (s6-svc(8) does the same). */
    (void)signal_remaining_processes(SIGCONT);
}

/*
 * The grace is over, or was before.
 * @return false when there is nothing more to do but to leave
 */
static bool kill_remaining(const struct settings *settings, struct grace *grace)
{
    if (!grace->over) {
        print_message(settings, GRACE_IS_OVER, NULL);
        grace->until = now_ms() + KILL_MS;
        grace->over = true;
        /* Whom we may not kill the kernel does: with process 1 everybody ends, and it waits for them. */
        if (getpid() == 1)
            return false;
    }
    if (time_left(grace->until) > 0 && signal_remaining_processes(SIGKILL))
        return true;
    print_message(settings, PROCESSES_REMAIN, NULL);
    return false;
}

static void forward_to_remaining(const struct settings *settings, int came)
{
    const int signal = settings->forwarded_as[came];

    if (signal != 0)
        (void)signal_remaining_processes(signal);
}

void end_remaining_processes(const struct settings *settings, const struct forwarding *forwarding)
{
    /* Now every end counts again, and nobody who ended before can still be a zombie: the kernel has freed them. */
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
        begin(settings, &grace);
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
            begin(settings, &grace);
        else
            forward_to_remaining(settings, signal);
    }
}
