/*
 * See signals.h. Every signal is blocked from the start on and fetched one at a time: there is no handler, so nothing
 * can be interrupted, and each signal keeps its value and its sender until it is forwarded.
 */
#include "signals.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "message.h"
#include "spawn.h"

static const signal_set every_signal = ~(signal_set)0; /* the kernel ignores SIGKILL and SIGSTOP in it */

/* Flag of pidfd_send_signal(2): to the process group that the process leads or led; Linux 6.9. */
enum { TO_PROCESS_GROUP = 1 << 2 };

/* Changes the signal mask. It cannot fail with these arguments, because rt_sigprocmask(2) allocates nothing. */
static void change_mask(int how, const signal_set *mask, signal_set *before)
{
    (void)syscall(SYS_rt_sigprocmask, how, mask, before, sizeof *mask);
}

void block_signals(struct inherited_signals *given)
{
    /* No SIGCHLD when a child stops or continues. */
    const struct sigaction ended_only = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    struct sigaction before;

    /* First of all: PID 1 loses a signal that is neither blocked nor handled. */
    change_mask(SIG_SETMASK, &every_signal, &given->mask);
    given->sigchld_ignored = sigaction(SIGCHLD, &ended_only, &before) == 0 && before.sa_handler == SIG_IGN;
}

void unblock_signals(signal_set unblocked, const struct inherited_signals *given)
{
    const signal_set released = unblocked & ~given->mask;

    if (released)
        change_mask(SIG_UNBLOCK, &released, NULL);
}

void restore_signals(const struct inherited_signals *given, bool fresh)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    const signal_set none = 0;

    if (fresh)
        for (int signal = 1; signal <= LAST_SIGNAL; signal++)
            (void)sigaction(signal, &by_default, NULL); /* libc refuses 32 and 33, which no program ignores */
    else if (given->sigchld_ignored)
        (void)sigaction(SIGCHLD, &ignore, NULL);
    /* The mask last: a signal that was blocked must find the right disposition (dumb-init has a race here). */
    change_mask(SIG_SETMASK, fresh ? &none : &given->mask, NULL);
}

/* Used when a seccomp filter refuses sigtimedwait(2): reaping still works, but signals are not forwarded. */
static int wait_without_signals(void)
{
    siginfo_t ended;

    (void)waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT);
    return SIGCHLD;
}

int next_signal(signal_set wanted, siginfo_t *info, int milliseconds)
{
    const struct timespec timeout = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};

    for (;;) {
        long signal =
            syscall(SYS_rt_sigtimedwait, &wanted, info, milliseconds < 0 ? NULL : &timeout, sizeof wanted);
        if (signal > 0)
            return (int)signal;
        if (errno != EINTR && errno != EAGAIN)
            return wait_without_signals();
        /* EAGAIN: none in time. EINTR: after SIGSTOP and SIGCONT; a caller with a time limit checks the time again. */
        if (milliseconds >= 0)
            return 0;
    }
}

signal_set pending_signals(void)
{
    signal_set pending = 0;

    (void)syscall(SYS_rt_sigpending, &pending, sizeof pending);
    return pending;
}

int open_signalfd(signal_set wanted)
{
    return (int)syscall(SYS_signalfd4, -1, &wanted, sizeof wanted, SFD_CLOEXEC);
}

bool can_wait_for_signals(void)
{
    const struct timespec at_once = {0};
    const signal_set none = 0;

    return syscall(SYS_rt_sigtimedwait, &none, NULL, &at_once, sizeof none) >= 0 || errno == EAGAIN;
}

/*
 * Sends a signal through the pidfd if there is one, because the pid may already belong to another process when the
 * kernel reaps. Without a pidfd this process reaps, so the pid belongs to the program until then.
 */
static long send_signal(const struct child *child, bool to_group, int signal, const siginfo_t *info)
{
    if (child->pidfd >= 0)
        return syscall(SYS_pidfd_send_signal, child->pidfd, signal, info, to_group ? TO_PROCESS_GROUP : 0);
    if (to_group)
        return kill(-child->pid, signal);
    if (info)
        return syscall(SYS_rt_sigqueueinfo, child->pid, signal, info);
    return kill(child->pid, signal);
}

bool can_signal(const struct child *child, bool to_group)
{
    return send_signal(child, to_group, 0, NULL) == 0;
}

/*
 * Whether the siginfo can be forwarded. The kernel refuses that for the siginfo of kill(2), tgkill(2) and its own
 * signals (si_code >= 0); rt_sigqueueinfo(2).
 */
static bool has_value(const siginfo_t *info)
{
    return info && info->si_code < 0 && info->si_code != SI_TKILL;
}

static void send_on(const struct settings *settings, const struct child *child, bool to_group, int signal,
                    const siginfo_t *info)
{
    /* If the queue is full (RLIMIT_SIGPENDING), or the target is a group, forward the signal without its value. */
    if (has_value(info) && info->si_signo == signal && send_signal(child, to_group, signal, info) == 0)
        return;
    if (send_signal(child, to_group, signal, NULL) == 0 || errno == ESRCH)
        return;
    print_message(settings, NOT_FORWARDED, &(struct message_fields){.signal = signal, .pid = child->pid, .error = errno});
}

bool detach_traced(pid_t pid, int signal)
{
    return syscall(SYS_ptrace, PTRACE_DETACH, pid, 0L, signal == SIGTRAP ? 0L : (long)signal) == 0;
}

/*
 * Continues a stopped program, because it gets SIGTERM only then. A program that a debugger has stopped stays stopped.
 */
static void continue_if_stopped(const struct settings *settings, const struct child *child)
{
    siginfo_t state = {0};

    /* Under job control, reap_ended() has already fetched the stop, and waitid(2) does not report it again. */
    if (child->terminal == SHARED)
        send_on(settings, child, true, SIGCONT, NULL);
    else if (waitid(P_PID, (id_t)child->pid, &state, WSTOPPED | WNOHANG | WNOWAIT) < 0)
        return;
    if (state.si_code == CLD_STOPPED)
        send_on(settings, child, settings->behavior.to_group, SIGCONT, NULL);
    else if (state.si_code == CLD_TRAPPED)
        (void)detach_traced(child->pid, state.si_status);
}

/*
 * Stops this process by the default action of a stop signal of the terminal. This is for a job of a shell whose
 * standard input is not the terminal, as in `make | bailey-init tee`: otherwise only the program would stop, and the
 * shell would wait forever. Without a shell that has job control the kernel ignores the signal (setpgid(2), orphaned
 * process groups). PID 1 is never stopped.
 */
static void stop_by_default_action(int signal)
{
    const signal_set released = signal_bit(signal);

    (void)kill(getpid(), signal);
    change_mask(SIG_UNBLOCK, &released, NULL);
    change_mask(SIG_BLOCK, &released, NULL);
}

void forward_signal(const struct settings *settings, const struct child *child, struct forwarding *forwarding,
                    const siginfo_t *info)
{
    const int signal = settings->forwarded_as[info->si_signo];

    if (is_verbose(settings))
        print_message(settings, RECEIVED, &(struct message_fields){.signal = info->si_signo});
    if (signal != 0) {
        /* The terminal stopped the whole process group of the program, but the shell continues only this process. */
        const bool all_stopped = info->si_signo == SIGCONT && child->terminal == SHARED;

        send_on(settings, child, settings->behavior.to_group || all_stopped, signal, info);
        if (is_verbose(settings))
            print_message(settings, FORWARDED, &(struct message_fields){.signal = signal, .pid = child->pid});
        forwarding->forwarded |= signal_bit(signal);
    }
    if (signal == SIGTERM) {
        continue_if_stopped(settings, child);
        if (settings->behavior.stop_ms > 0 && forwarding->kill_at == 0)
            forwarding->kill_at = now_ms() + settings->behavior.stop_ms;
    }
    /*
     * PID 1 cannot be stopped from inside its namespace. The SIGSTOP must not even be sent: it would remove a
     * pending SIGCONT, which is meant for the program (signal(7)).
     */
    if (!(TERMINAL_STOPS & signal_bit(info->si_signo)) || getpid() == 1)
        return;
    if (settings->behavior.stop_together)
        (void)kill(getpid(), SIGSTOP);
    else if (settings->behavior.isolation == OWN_GROUP && child->terminal == NO_TERMINAL && signal != 0)
        stop_by_default_action(info->si_signo);
}

int kill_after_timeout(const struct settings *settings, const struct child *child, struct forwarding *forwarding)
{
    if (forwarding->kill_at == 0)
        return -1;
    const int left = time_left(forwarding->kill_at);
    if (left > 0)
        return left;
    send_on(settings, child, settings->behavior.to_group, SIGKILL, NULL);
    print_message(settings, STOP_TIMED_OUT, &(struct message_fields){.pid = child->pid});
    forwarding->forwarded |= signal_bit(SIGKILL);
    forwarding->kill_at = 0;
    return -1;
}

void terminate_group(const struct settings *settings, const struct child *child)
{
    const int signal = settings->forwarded_as[SIGTERM];

    if (signal == 0)
        return;
    send_on(settings, child, settings->behavior.to_group, signal, NULL);
}
