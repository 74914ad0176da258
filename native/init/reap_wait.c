/*
 * Reaping with waitpid(2) after each SIGCHLD. Used on older kernels, and when every child must be reported or followed.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "reap.h"
#include "release_pages.h"

static void report_end(const struct settings *settings, pid_t pid, int status, bool is_program)
{
    if (!settings->behavior.warn_orphans && !is_verbose(settings))
        return;

    const bool killed = WIFSIGNALED(status);
    const struct message_fields received = {.signal = SIGCHLD};
    const struct message_fields fields = {.pid = pid, .code = WEXITSTATUS(status), .signal = WTERMSIG(status)};

    print_message(settings, RECEIVED, &received);
    if (is_program) {
        print_message(settings, killed ? PROGRAM_KILLED : PROGRAM_EXITED, &fields);
        return;
    }
    if (settings->behavior.warn_orphans)
        print_message(settings, ORPHAN_REAPED, &fields);
    print_message(settings, killed ? REAPED_KILLED : REAPED, &fields);
}

/*
 * Call it before the program is reaped: while the program is a zombie, its pid, which is also the id of its group, is
 * not reused.
 */
static void terminate_group_of_zombie(const struct settings *settings, const struct child *child)
{
    siginfo_t ended = {0};

    if (waitid(P_PID, (id_t)child->pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == child->pid)
        terminate_group(settings, child);
}

enum reap_result reap_ended(const struct settings *settings, const struct child *child, int *status)
{
    /* By pid: the program was not reaped yet, so its pid is not reused. */
    const struct child by_number = {.pid = child ? child->pid : 0, .pidfd = -1};
    /*
     * __WALL: children from before the exec of bailey-init may send another signal than SIGCHLD at their end, clone(2).
     */
    const int options = WNOHANG | __WALL | (child && child->terminal == SHARED ? WUNTRACED : 0);
    pid_t ended;

    if (child && child->pidfd < 0 && settings->behavior.terminate_its_group)
        terminate_group_of_zombie(settings, &by_number);
    while ((ended = waitpid(-1, status, options)) > 0) {
        const bool is_program = child && ended == child->pid;

        if (WIFSTOPPED(*status)) {
            if (!detach_traced(ended, WSTOPSIG(*status)) && is_program)
                stop_with_program(child, WSTOPSIG(*status));
            continue;
        }
        report_end(settings, ended, *status, is_program);
        if (is_program)
            return PROGRAM_ENDED;
    }
    return ended == 0 ? CHILDREN_LEFT : NO_CHILDREN;
}

int reap_by_waiting(const struct settings *settings, const struct child *child, struct forwarding *forwarding)
{
    const signal_set blocked = ~settings->behavior.unblocked;
    /*
     * Without the pidfd: the pid is safe, because only this process reaps the program, and pidfd_send_signal may be
     * refused.
     */
    const struct child by_number = {.pid = child->pid, .pidfd = -1, .terminal = child->terminal};
    /* Without SA_NOCLDSTOP, for stops by the terminal, and of a child that this process traces (PTRACE_TRACEME). */
    const struct sigaction every_change = {.sa_handler = SIG_DFL};
    siginfo_t info;
    int status;

    (void)sigaction(SIGCHLD, &every_change, NULL);
    release_startup_pages();
    /*
     * One SIGCHLD may report the end of several children, so all that have ended are reaped (catatonit issue 4 hung).
     */
    while (reap_ended(settings, &by_number, &status) != PROGRAM_ENDED) {
        int signal;

        while ((signal = next_signal(blocked, &info, kill_after_timeout(settings, &by_number, forwarding))) != SIGCHLD) {
            if (signal == SIGCONT && child->terminal == SHARED)
                continue_program(child);
            if (signal > 0)
                forward_signal(settings, &by_number, forwarding, &info);
        }
    }
    return status;
}

void pause_and_reap(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    siginfo_t info;

    (void)sigaction(SIGCHLD, &ignore, NULL);
    /* Processes that ended before that are still zombies. From here on the kernel frees each one, on every kernel. */
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
        ;
    release_startup_pages();
    (void)next_signal(signal_bit(SIGTERM) | signal_bit(SIGINT), &info, -1);
}
