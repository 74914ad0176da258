/* See terminal.h. */
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "message.h"
#include "signals.h"
#include "spawn.h"

/* Whether standard input is the controlling terminal, with that process group in the foreground. */
static bool is_foreground(pid_t group)
{
    const pid_t foreground = tcgetpgrp(STDIN_FILENO);

    /* In a new PID namespace both are 0 if the group is one from outside; it is the same group then. */
    return foreground >= 0 && foreground == group;
}

static bool has_foreground(void)
{
    return is_foreground(getpgrp());
}

/*
 * Detaches from the terminal. TIOCNOTTY makes SIGHUP and SIGCONT pending. A signal that was pending before has another
 * sender, and is kept.
 */
static bool detach_from_terminal(void)
{
    const signal_set own = signal_bit(SIGHUP) | signal_bit(SIGCONT);
    const signal_set before = pending_signals();
    siginfo_t info;

    if (ioctl(STDIN_FILENO, TIOCNOTTY) < 0)
        return false;
    while (next_signal(own & ~before, &info, 0) > 0)
        ;
    return true;
}

enum terminal detect_terminal(struct settings *settings)
{
    const bool foreground = has_foreground();
    const bool leads = getsid(0) == getpid();

    if (settings->behavior.isolation == OWN_SESSION || (settings->behavior.isolation == OWN_GROUP && leads && foreground)) {
        if (detach_from_terminal() && leads)
            print_message(settings, DETACHED, NULL);
        settings->behavior.isolation = OWN_SESSION;
        return HANDED_OVER;
    }
    /* A job in the background counts too, because the shell may put it into the foreground later (fg). */
    return settings->behavior.isolation == OWN_GROUP && !leads && tcgetpgrp(STDIN_FILENO) >= 0 ? SHARED : NO_TERMINAL;
}

void take_foreground(const struct settings *settings)
{
    if (!is_foreground(getpgid(getppid())))
        return;
    /* ENOTTY, ENXIO: this process has lost the terminal, or the terminal has hung up. */
    if (tcsetpgrp(STDIN_FILENO, getpid()) < 0 && errno != ENOTTY && errno != ENXIO)
        print_message(settings, FOREGROUND_NOT_TAKEN, &(struct message_fields){.error = errno});
}

void acquire_terminal(const struct settings *settings)
{
    if (ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
        print_message(settings, TERMINAL_NOT_ACQUIRED, &(struct message_fields){.error = errno});
}

void stop_with_program(const struct child *child, int signal)
{
    /* After bg, the shell's fg sends no SIGCONT, so only now can this process detect that it is in the foreground. */
    if (TERMINAL_ACCESS & signal_bit(signal) && has_foreground()) {
        (void)tcsetpgrp(STDIN_FILENO, child->pid);
        (void)kill(-child->pid, SIGCONT);
    } else if (!(TERMINAL_STOPS & signal_bit(signal)) && !is_foreground(child->pid))
        return; /* no shell waits for a job in the background, and the sender of SIGSTOP continues only the program */
    else if (getpid() != 1)
        (void)kill(getpid(), SIGSTOP);
    else if (TERMINAL_STOPS & signal_bit(signal))
        (void)kill(-child->pid, SIGCONT);
}

void continue_program(const struct child *child)
{
    if (has_foreground())
        (void)tcsetpgrp(STDIN_FILENO, child->pid);
}

void reclaim_terminal(const struct child *child)
{
    /* Not if a shell has taken the terminal meanwhile. */
    if (child->terminal == SHARED && tcgetpgrp(STDIN_FILENO) == child->pid)
        (void)tcsetpgrp(STDIN_FILENO, getpgrp());
}
