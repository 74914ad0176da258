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

static const signal_set every_signal = ~(signal_set)0; /* the kernel itself leaves out SIGKILL and SIGSTOP */

/* pidfd_send_signal(2): to the process group that the process leads, or led; Linux 6.9. */
enum { TO_PROCESS_GROUP = 1 << 2 };

/* Cannot fail: the arguments are right, and there is nothing to allocate. */
static void change_mask(int how, const signal_set *mask, signal_set *before)
{
    (void)syscall(SYS_rt_sigprocmask, how, mask, before, sizeof *mask);
}

void block_signals(struct inherited_signals *given)
{
    /* No SIGCHLD when a child only stops or goes on: nobody here wants to know. */
    const struct sigaction ended_only = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    struct sigaction before;

    /* First of all: to process 1, a signal that is neither blocked nor handled is lost. */
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
            (void)sigaction(signal, &by_default, NULL); /* libc keeps 32 and 33 from us: nobody ignores those */
    else if (given->sigchld_ignored)
        (void)sigaction(SIGCHLD, &ignore, NULL);
    /* The mask last: a signal that was held back must meet the dispositions that it was meant for (dumb-init's race). */
    change_mask(SIG_SETMASK, fresh ? &none : &given->mask, NULL);
}

/* A filter refuses to tell of signals: then at least nobody stays a zombie, and the end of the program is ours. */
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
        /* EAGAIN: none in time. EINTR comes after SIGSTOP and SIGCONT; who has little time looks at the clock then. */
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
 * Through the pidfd where there is one: where the kernel reaps, the number may already be a stranger's. Without one we
 * are the one who reaps, so the number is the program's until then.
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

/* The kernel lets nobody pass on signals as if kill(2), tgkill(2) or the kernel itself had sent them (si_code >= 0). */
static bool has_value(const siginfo_t *info)
{
    return info && info->si_code < 0 && info->si_code != SI_TKILL;
}

static void send_on(const struct settings *settings, const struct child *child, bool to_group, int signal,
                    const siginfo_t *info)
{
    /* Without its value rather than not at all, should the queue be full (RLIMIT_SIGPENDING), or a group the target. */
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

/* SIGTERM alone would wait in a stopped program until somebody else lets it go on. A debugger's stop is not touched. */
static void continue_if_stopped(const struct settings *settings, const struct child *child)
{
    siginfo_t state = {0};

    /* Under job control the stop has been collected already, and cannot be asked for again. */
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
 * Stops by a terminal's signal where a program without handlers would: a shell's job whose standard input isn't the
 * terminal, as in `make | bailey-init tee`. Nobody else would stop, and the shell would wait for ever. Where no shell
 * has job control the kernel doesn't stop anybody (setpgid(2), orphaned process groups), and process 1 never.
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
        /* A terminal stops all of the program's group, and the shell lets only us go on. */
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
     * As process 1 of a namespace we can't be stopped from inside. It isn't tried either: the kernel takes a SIGCONT that
     * has come meanwhile, for the program that stands still by now, out of the queue all the same (signal(7)).
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
