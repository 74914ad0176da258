#include "ending.h"

#include "clock.h"
#include "family.h"
#include "message.h"
#include "reap.h"

/* Between two looks for processes that were born while we killed the others. */
enum { KILL_AGAIN_MS = 50 };

struct grace {
    bool running;
    uint64_t until; /* as now_ms() counts */
};

static void begin(const struct settings *settings, struct grace *grace)
{
    tell(settings, GRACE_BEGINS, NULL);
    grace->running = true;
    grace->until = now_ms() + settings->manner.grace_ms;
    signal_family(SIGTERM);
    /* Who is stopped sees it only when it goes on (s6-svc(8) does the same). */
    signal_family(SIGCONT);
}

static void pass_on(const struct settings *settings, int came)
{
    const int signal = settings->forwarded_as[came];

    if (signal != 0)
        signal_family(signal);
}

void see_off(const struct settings *settings, const struct traffic *traffic)
{
    /* Now every end counts again, and nobody who ended before can still be a zombie: the kernel has freed them. */
    const struct sigaction ended_only = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    const struct manner *manner = &settings->manner;
    const signal_set held = ~manner->left_alone;
    struct grace grace = {0};
    siginfo_t info;
    int status;

    if (manner->grace_ms == 0 && !manner->waits_for_all)
        return;
    (void)sigaction(SIGCHLD, &ended_only, NULL);
    if (manner->grace_ms > 0 && (!manner->waits_for_all || traffic->forwarded & signal_bit(SIGTERM)))
        begin(settings, &grace);
    while (collect_ended(settings, NULL, &status) != NOBODY_LEFT) {
        const int left = grace.running ? time_left(grace.until) : -1;
        if (left == 0) {
            if (grace.until != 0)
                tell(settings, GRACE_IS_OVER, NULL);
            grace.until = 0;
            signal_family(SIGKILL);
        }
        const int signal = next_signal(held, &info, left == 0 ? KILL_AGAIN_MS : left);
        if (signal == 0 || signal == SIGCHLD)
            continue;
        if (settings->forwarded_as[signal] == SIGTERM && manner->grace_ms > 0 && !grace.running)
            begin(settings, &grace);
        else
            pass_on(settings, signal);
    }
}
