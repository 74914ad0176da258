/* The ordinary way: SIGCHLD, then waitpid. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "pages.h"
#include "reap.h"

static void tell_of_end(const struct settings *settings, pid_t pid, int status, bool is_program)
{
    if (!settings->manner.warns && !talks(settings))
        return;

    const bool killed = WIFSIGNALED(status);
    const struct facts came = {.signal = SIGCHLD};
    const struct facts facts = {.pid = pid, .code = WEXITSTATUS(status), .signal = WTERMSIG(status)};

    tell(settings, RECEIVED, &came);
    if (is_program) {
        tell(settings, killed ? PROGRAM_KILLED : PROGRAM_EXITED, &facts);
        return;
    }
    if (settings->manner.warns)
        tell(settings, ZOMBIE, &facts);
    tell(settings, killed ? REAPED_KILLED : REAPED, &facts);
}

/* Before the program is reaped: as long as it is a zombie, its number, which is its group's too, is nobody else's. */
static void end_group_of_zombie(const struct settings *settings, const struct child *child)
{
    siginfo_t ended = {0};

    if (waitid(P_PID, (id_t)child->pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == child->pid)
        end_group(settings, child);
}

enum collected collect_ended(const struct settings *settings, const struct child *child, int *status)
{
    /* Who is gone already can't be asked any more. */
    const struct child by_number = {.pid = child ? child->pid : 0, .pidfd = -1};
    /* __WALL: whoever became this program may have left children that tell of their end by no SIGCHLD, clone(2). */
    const int options = WNOHANG | __WALL | (child && child->terminal == SHARED ? WUNTRACED : 0);
    pid_t ended;

    if (child && child->pidfd < 0 && settings->manner.ends_group)
        end_group_of_zombie(settings, &by_number);
    while ((ended = waitpid(-1, status, options)) > 0) {
        const bool is_program = child && ended == child->pid;

        if (WIFSTOPPED(*status)) {
            if (!let_go_of_traced(ended, WSTOPSIG(*status)) && is_program)
                stop_with(child, WSTOPSIG(*status));
            continue;
        }
        tell_of_end(settings, ended, *status, is_program);
        if (is_program)
            return PROGRAM_ENDED;
    }
    return ended == 0 ? SOME_LEFT : NOBODY_LEFT;
}

int reap_by_waiting(const struct settings *settings, const struct child *child, struct traffic *traffic)
{
    const signal_set held = ~settings->manner.left_alone;
    /* Without the pidfd: nobody else reaps it, so its number stays its own, and pidfd_send_signal may be refused. */
    const struct child by_number = {.pid = child->pid, .pidfd = -1, .terminal = child->terminal};
    /* A SIGCHLD for stops, too: of a terminal's, and of a child's that has made us its tracer. */
    const struct sigaction every_change = {.sa_handler = SIG_DFL};
    siginfo_t info;
    int status;

    (void)sigaction(SIGCHLD, &every_change, NULL);
    give_back_start();
    /* One SIGCHLD may stand for many (they coalesce): after each, everybody is collected (catatonit#4 hung). */
    while (collect_ended(settings, &by_number, &status) != PROGRAM_ENDED) {
        int signal;

        while ((signal = next_signal(held, &info, kill_if_late(settings, &by_number, traffic))) != SIGCHLD) {
            if (signal == SIGCONT && child->terminal == SHARED)
                go_on_with(child);
            if (signal > 0)
                forward_signal(settings, &by_number, traffic, &info);
        }
    }
    return status;
}

void pause_and_reap(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    siginfo_t info;

    (void)sigaction(SIGCHLD, &ignore, NULL);
    /* Whoever ended before that is still a zombie; from here on the kernel frees them all, on every kernel. */
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
        ;
    give_back_start();
    (void)next_signal(signal_bit(SIGTERM) | signal_bit(SIGINT), &info, -1);
}
