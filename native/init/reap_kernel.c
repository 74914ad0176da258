/*
 * The kernel's own way: where SIGCHLD is ignored, it frees processes as they end (wait(2), NOTES), and this process
 * isn't even woken. The program's exit status comes from its pidfd: Linux 6.15 keeps it there.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "release_pages.h"
#include "reap.h"
#include "signals.h"

/* The first version of struct pidfd_info (Linux 6.13); exit_code is filled since 6.15. */
struct exit_info {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t pid, tgid, ppid;
    uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code; /* as wait(2) gives it */
};
_Static_assert(sizeof(struct exit_info) == 64, "the size is part of the request's number");

#define GET_INFO _IOWR(0xff, 11, struct exit_info) /* PIDFD_GET_INFO */
static const uint64_t info_exit = 1 << 3;          /* PIDFD_INFO_EXIT */

static const char *leading_number(const char *text, unsigned int *value)
{
    for (*value = 0; *text >= '0' && *text <= '9' && *value < 100000; text++)
        *value = *value * 10 + (unsigned int)(*text - '0');
    return text;
}

/* 6.13 and 6.14 answer the request too, but never with the exit status, and a living process does not tell. */
static bool release_keeps_exit_status(void)
{
    struct utsname system;
    unsigned int major, minor;
    const char *rest;

    if (uname(&system) < 0)
        return false;
    rest = leading_number(system.release, &major);
    if (*rest != '.')
        return major > 6;
    leading_number(rest + 1, &minor);
    return major > 6 || (major == 6 && minor >= 15);
}

/*
 * epoll and not poll: it keeps its places in both queues between two waits, 0.2 us of each signal's 4.5. A second thread
 * that waits for the program and makes it a signal would spare another 0.3, and cost a task and 20 to 80 us at the end
 * (bench/latency.c, bench/starts.c).
 * @return false with errno when the kernel or a filter refuses it
 */
static bool add_to_epoll(int waiting, int descriptor, uint32_t events)
{
    struct epoll_event awaited = {.events = events, .data.fd = descriptor};

    return epoll_ctl(waiting, EPOLL_CTL_ADD, descriptor, &awaited) == 0;
}

/* By the bare system call: aarch64 has no other one, and libc's is a page more of what stays resident. */
static int wait_for_events(int waiting, struct epoll_event *events, int most, int milliseconds)
{
    return (int)syscall(SYS_epoll_pwait, waiting, events, most, milliseconds, NULL, sizeof(signal_set));
}

/* A descriptor to wait with for signals and for the program's end, or -1. */
static int open_epoll(int signals, int pidfd)
{
    struct epoll_event events[2];
    const int waiting = epoll_create1(EPOLL_CLOEXEC);

    if (waiting < 0 || !add_to_epoll(waiting, signals, EPOLLIN))
        return -1;
    /* Once each: EPOLLIN when it has ended, and EPOLLHUP, always reported, when it has been freed and its status kept. */
    if (!add_to_epoll(waiting, pidfd, EPOLLIN | EPOLLET) || wait_for_events(waiting, events, 2, 0) < 0)
        return -1;
    return waiting;
}

const char *prepare_kernel_reaping(const struct settings *settings, const struct child *child, int *waiting)
{
    struct exit_info info = {.mask = info_exit};
    const signal_set blocked = ~(settings->behavior.unblocked | signal_bit(SIGCHLD));
    int signals;

    if (!release_keeps_exit_status())
        return "it needs Linux 6.15 or newer";
    if (child->pidfd < 0)
        return "no pidfd could be had";
    /* A seccomp filter or an emulated kernel may say no to any of these. */
    if (ioctl(child->pidfd, GET_INFO, &info) < 0)
        return "PIDFD_GET_INFO is refused";
    if (!can_signal(child, settings->behavior.to_group || settings->behavior.terminate_its_group))
        return "pidfd_send_signal is refused";
    if (!can_wait_for_signals())
        return "sigtimedwait is refused";
    if ((signals = open_signalfd(blocked)) < 0)
        return "signalfd is refused";
    if ((*waiting = open_epoll(signals, child->pidfd)) < 0)
        return "epoll is refused";
    return NULL;
}

/* True with the wait status when the process of the pidfd has been freed. */
static bool read_exit_status(int pidfd, int *status)
{
    struct exit_info info = {.mask = info_exit};

    if (ioctl(pidfd, GET_INFO, &info) < 0 || !(info.mask & info_exit))
        return false;
    *status = info.exit_code;
    return true;
}

/* What we wait with is refused all of a sudden. */
static bool fall_back(const struct settings *settings, const struct child *child, struct forwarding *forwarding, int *status)
{
    const struct sigaction ended_only = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};

    (void)sigaction(SIGCHLD, &ended_only, NULL);
    /* It may have ended while the kernel still freed everybody. */
    if (!read_exit_status(child->pidfd, status))
        *status = reap_by_waiting(settings, child, forwarding);
    return true;
}

bool reap_by_kernel(const struct settings *settings, const struct child *child, int waiting, struct forwarding *forwarding,
                    int *status)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const signal_set blocked = ~(settings->behavior.unblocked | signal_bit(SIGCHLD));
    siginfo_t info;

    if (sigaction(SIGCHLD, &ignore, NULL) < 0)
        return fall_back(settings, child, forwarding, status);
    /* Whoever ended before that is still a zombie; from here on nobody becomes one. */
    if (reap_ended(settings, child, status) == PROGRAM_ENDED)
        return true;
    release_startup_pages();
    for (;;) {
        struct epoll_event events[2];
        const int ready = wait_for_events(waiting, events, 2, kill_after_timeout(settings, child, forwarding));

        if (ready < 0 && errno != EINTR) /* which comes after SIGSTOP and SIGCONT */
            return fall_back(settings, child, forwarding, status);
        /* The end first: signals that came as late as that are for what comes after. */
        for (int i = 0; i < ready; i++) {
            if (events[i].events & EPOLLHUP)
                return read_exit_status(child->pidfd, status);
            /* Whoever has made us its tracer is left to us by the kernel. */
            if (events[i].data.fd == child->pidfd && reap_ended(settings, child, status) == PROGRAM_ENDED)
                return true;
        }
        if (ready > 0 && next_signal(blocked, &info, 0) > 0)
            forward_signal(settings, child, forwarding, &info);
    }
}
