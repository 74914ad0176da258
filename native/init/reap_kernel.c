/*
 * Reaping by the kernel. While a process ignores SIGCHLD, the kernel frees its children as they end (wait(2), NOTES):
 * they never become zombies, and this process is not woken. The exit status of the program comes from its pidfd, where
 * Linux 6.15 and later keep it.
 *
 * A lost exit status is worse than a zombie. So every step that the kernel could refuse is tried before SIGCHLD is
 * ignored, and in doubt bailey-init reaps with waitpid (reap_wait.c).
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

#include "reap.h"
#include "release_pages.h"
#include "signals.h"

/*
 * The first version of struct pidfd_info (Linux 6.13), newer than the headers of Debian 12. 6.15 and later set
 * exit_code.
 */
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

/*
 * Whether the kernel is Linux 6.15 or later. 6.13 and 6.14 accept the request too, but do not return an exit status,
 * and a running process does not show the difference.
 */
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
 * Adds a descriptor to an epoll set. epoll is faster than poll, because it stays in the wait queues between two waits,
 * which saves 0.2 of the 4.5 us for each signal. A second thread that waits for the program and sends a signal at its
 * end would save another 0.3 us, but cost a task, and 20 to 80 us at the end (bench/latency.c, bench/starts.c).
 * @return false with errno when the kernel or a seccomp filter refuses it
 */
static bool add_to_epoll(int epoll_fd, int descriptor, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = descriptor};

    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

/* Uses the bare system call: aarch64 has no other one, and libc's wrapper is one more resident page. */
static int wait_for_events(int epoll_fd, struct epoll_event *events, int most, int milliseconds)
{
    return (int)syscall(SYS_epoll_pwait, epoll_fd, events, most, milliseconds, NULL, sizeof(signal_set));
}

/* Returns an epoll descriptor for signals and for the end of the program, or -1. */
static int open_epoll(int signals, int pidfd)
{
    struct epoll_event events[2];
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    if (epoll_fd < 0 || !add_to_epoll(epoll_fd, signals, EPOLLIN))
        return -1;
    /*
     * Edge-triggered. EPOLLIN: the program has ended. EPOLLHUP (always reported): the program was freed, and its exit
     * status is kept.
     */
    if (!add_to_epoll(epoll_fd, pidfd, EPOLLIN | EPOLLET) || wait_for_events(epoll_fd, events, 2, 0) < 0)
        return -1;
    return epoll_fd;
}

const char *prepare_kernel_reaping(const struct settings *settings, const struct child *child, int *epoll_fd)
{
    struct exit_info info = {.mask = info_exit};
    const signal_set blocked = ~(settings->behavior.unblocked | signal_bit(SIGCHLD));
    int signals;

    if (!release_keeps_exit_status())
        return "it needs Linux 6.15";
    if (child->pidfd < 0)
        return "there is no pidfd";
    /* A seccomp filter or an emulated kernel may refuse each of these. */
    if (ioctl(child->pidfd, GET_INFO, &info) < 0)
        return "PIDFD_GET_INFO is refused";
    if (!can_signal(child, settings->behavior.to_group || settings->behavior.terminate_its_group))
        return "pidfd_send_signal is refused";
    if (!can_wait_for_signals())
        return "sigtimedwait is refused";
    if ((signals = open_signalfd(blocked)) < 0)
        return "signalfd is refused";
    if ((*epoll_fd = open_epoll(signals, child->pidfd)) < 0)
        return "epoll is refused";
    return NULL;
}

/* Returns true with the wait status if the process of the pidfd has been freed. */
static bool read_exit_status(int pidfd, int *status)
{
    struct exit_info info = {.mask = info_exit};

    if (ioctl(pidfd, GET_INFO, &info) < 0 || !(info.mask & info_exit))
        return false;
    *status = info.exit_code;
    return true;
}

/* Reaps with waitpid from here on, because epoll_pwait fails although it worked before. */
static bool fall_back(const struct settings *settings, const struct child *child, struct forwarding *forwarding, int *status)
{
    const struct sigaction ended_only = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};

    (void)sigaction(SIGCHLD, &ended_only, NULL);
    /* The program may have ended while the kernel still freed every child. */
    if (!read_exit_status(child->pidfd, status))
        *status = reap_by_waiting(settings, child, forwarding);
    return true;
}

bool reap_by_kernel(const struct settings *settings, const struct child *child, int epoll_fd, struct forwarding *forwarding,
                    int *status)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const signal_set blocked = ~(settings->behavior.unblocked | signal_bit(SIGCHLD));
    siginfo_t info;

    if (sigaction(SIGCHLD, &ignore, NULL) < 0)
        return fall_back(settings, child, forwarding, status);
    /* Processes that ended before that are still zombies; from here on none becomes one. */
    if (reap_ended(settings, child, status) == PROGRAM_ENDED)
        return true;
    release_startup_pages();
    for (;;) {
        struct epoll_event events[2];
        const int ready = wait_for_events(epoll_fd, events, 2, kill_after_timeout(settings, child, forwarding));

        if (ready < 0 && errno != EINTR) /* EINTR comes after SIGSTOP and SIGCONT */
            return fall_back(settings, child, forwarding, status);
        /* Handle the end of the program first: signals that arrive at the same time are for the remaining processes. */
        for (int i = 0; i < ready; i++) {
            if (events[i].events & EPOLLHUP)
                return read_exit_status(child->pidfd, status);
            /* The kernel does not free a child that this process traces (PTRACE_TRACEME). */
            if (events[i].data.fd == child->pidfd && reap_ended(settings, child, status) == PROGRAM_ENDED)
                return true;
        }
        if (ready > 0 && next_signal(blocked, &info, 0) > 0)
            forward_signal(settings, child, forwarding, &info);
    }
}
