#include "signals.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"

static const signal_set every_signal = ~(signal_set)0; /* the kernel itself leaves out SIGKILL and SIGSTOP */

static signal_set only(int signal)
{
    return (signal_set)1 << (signal - 1);
}

/* Cannot fail: the arguments are right, and there is nothing to allocate. */
static void set_mask(const signal_set *mask, signal_set *before)
{
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, before, sizeof *mask);
}

void hold_signals(struct signals_given *given)
{
    /* No SIGCHLD when a child only stops or goes on: nobody here wants to know. */
    const struct sigaction ended_only = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    struct sigaction before;

    /* First of all: to process 1, a signal that is neither blocked nor handled is lost. */
    set_mask(&every_signal, &given->mask);
    given->child_ended_ignored = sigaction(SIGCHLD, &ended_only, &before) == 0 && before.sa_handler == SIG_IGN;
}

void give_signals_back(const struct signals_given *given)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    if (given->child_ended_ignored)
        (void)sigaction(SIGCHLD, &ignore, NULL);
    /* The mask last: a signal that was held back must meet the dispositions that it was meant for (dumb-init's race). */
    set_mask(&given->mask, NULL);
}

int next_signal(siginfo_t *info)
{
    for (;;) {
        long signal = syscall(SYS_rt_sigtimedwait, &every_signal, info, NULL, sizeof every_signal);
        /* EINTR comes after SIGSTOP and SIGCONT; there is no other error without a timeout. */
        if (signal > 0)
            return (int)signal;
    }
}

int open_signals(void)
{
    const signal_set wanted = every_signal & ~only(SIGCHLD);

    return (int)syscall(SYS_signalfd4, -1, &wanted, sizeof wanted, SFD_CLOEXEC);
}

bool read_signal(int signals, siginfo_t *info)
{
    struct signalfd_siginfo came;

    if (read(signals, &came, sizeof came) != sizeof came)
        return false;
    memset(info, 0, sizeof *info);
    info->si_signo = (int)came.ssi_signo;
    info->si_code = came.ssi_code;
    info->si_pid = (pid_t)came.ssi_pid;
    info->si_uid = came.ssi_uid;
    info->si_value.sival_ptr = (void *)(uintptr_t)came.ssi_ptr;
    return true;
}

/*
 * Through the pidfd where there is one: where the kernel reaps, the number may already be a stranger's. Without one we
 * are the one who reaps, so the number is the program's until then.
 */
static long send_signal(const struct child *child, int signal, const siginfo_t *info)
{
    if (child->pidfd >= 0)
        return syscall(SYS_pidfd_send_signal, child->pidfd, signal, info, 0);
    if (info)
        return syscall(SYS_rt_sigqueueinfo, child->pid, signal, info);
    return kill(child->pid, signal);
}

/* The kernel lets nobody pass on signals as if kill(2), tgkill(2) or the kernel itself had sent them (si_code >= 0). */
static bool has_value(const siginfo_t *info)
{
    return info->si_code < 0 && info->si_code != SI_TKILL;
}

void forward_signal(const struct child *child, const siginfo_t *info)
{
    char signal[NUMBER_SIZE];
    char pid[NUMBER_SIZE];

    /* Without its value rather than not at all, should the queue be full (RLIMIT_SIGPENDING). */
    if (has_value(info) && send_signal(child, info->si_signo, info) == 0)
        return;
    if (send_signal(child, info->si_signo, NULL) == 0 || errno == ESRCH)
        return;
    say("cannot forward signal ", number(info->si_signo, signal), " to process ", number(child->pid, pid), ": ",
        strerror(errno), NULL);
}
