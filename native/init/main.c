/*
 * bailey-init: the first process of a container. It starts one program, forwards signals to it, leaves no zombie, and
 * exits with the exit status of the program. bailey-init.1 is its manual.
 *
 * It allocates no memory and has no signal handlers: every signal is blocked and is fetched with sigtimedwait(2). It
 * uses no timer unless an option requires one.
 *
 *   1. block_signals      before anything else, so that no signal is lost
 *   2. read_options       the command line and the environment, as the program that argv[0] names reads them (dialect.h)
 *   3. become_subreaper   unless this is PID 1
 *   4. spawn              from here on no error may end this process: the container depends on it
 *   5. reap               until the program has ended, by the kernel (reap_kernel.c) or with waitpid (reap_wait.c)
 *   6. end_remaining_processes and the exit status
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "descriptors.h"
#include "dialect.h"
#include "epitaph.h"
#include "grace_period.h"
#include "message.h"
#include "options.h"
#include "reap.h"
#include "signals.h"
#include "spawn.h"
#include "wipe_secrets.h"

/*
 * PID 1 adopts the orphans of its PID namespace; any other process adopts those of its descendants as a subreaper.
 * Returns false when the settings require that and it failed.
 */
static bool become_subreaper(const struct settings *settings)
{
    int is_subreaper = 0;

    if (getpid() == 1)
        return true;
    if (settings->behavior.subreaper == SUBREAPER_NEVER) {
        if (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper, 0L, 0L, 0L) == 0 && !is_subreaper)
            print_message(settings, NOT_SUBREAPER, NULL);
        return true;
    }
    if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) == 0)
        return true;
    print_message(settings, SUBREAPER_FAILED, &(struct message_fields){.error = errno});
    return settings->behavior.subreaper == SUBREAPER_AUTO;
}

/* Reaps until the program has ended: by the kernel if possible, else with waitpid. False: the exit status is lost. */
static bool reap(const struct settings *settings, const struct child *child, struct forwarding *forwarding, int *status)
{
    int epoll_fd;

    if (settings->behavior.reaping != REAP_WAIT) {
        const char *obstacle = prepare_kernel_reaping(settings, child, &epoll_fd);
        if (!obstacle) {
            const bool known = reap_by_kernel(settings, child, epoll_fd, forwarding, status);
            if (settings->behavior.terminate_its_group)
                terminate_group(settings, child);
            return known;
        }
        if (settings->behavior.reaping == REAP_KERNEL)
            print_message(settings, NO_KERNEL_REAPING, &(struct message_fields){.detail = obstacle});
    }
    *status = reap_by_waiting(settings, child, forwarding);
    return true;
}

/* The exit status of this process: that of a shell for the wait status, changed according to the settings. */
static int exit_code(const struct settings *settings, int status, const struct forwarding *forwarding)
{
    const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    const int signal = code - 128;

    if (settings->behavior.expect_term && signal >= 1 && signal <= LAST_SIGNAL &&
        forwarding->forwarded & signal_bit(signal))
        return 0;
    return settings->exit_as[code];
}

/* Changes that must wait until the program has been executed, because the program would inherit them. */
static void finish_start(const struct settings *settings, const struct child *child)
{
    if (settings->secret_names)
        wipe_secrets(settings->secret_names, settings->program);
    if (settings->behavior.close_inherited_descriptors)
        close_inherited(child->pidfd);
    if (settings->behavior.change_to_root && chdir("/") < 0)
        print_message(settings, FOLDER_NOT_LEFT, &(struct message_fields){.error = errno});
}

/*
 * Reporting each process, and following the stops of the program, requires a wake-up for each process, so it requires
 * reaping with waitpid.
 */
static void choose_reaping(struct settings *settings, enum terminal terminal)
{
    struct behavior *behavior = &settings->behavior;

    if (!behavior->warn_orphans && behavior->verbosity < DETAIL && terminal != SHARED)
        return;
    if (behavior->reaping == REAP_KERNEL)
        print_message(settings, NO_KERNEL_REAPING, &(struct message_fields){.detail = "it reports too little for --warn, --verbose and job control"});
    behavior->reaping = REAP_WAIT;
}

/* Reports the signal after the end of the program, in the same order as the debug mode of dumb-init. */
static void report_group_signal(const struct settings *settings, const struct child *child)
{
    const int signal = settings->forwarded_as[SIGTERM];

    if (settings->behavior.terminate_its_group && signal != 0)
        print_message(settings, FORWARDED, &(struct message_fields){.signal = signal, .pid = child->pid});
}

static int run(struct settings *settings, const struct inherited_signals *given)
{
    const enum terminal terminal = detect_terminal(settings);
    struct child child;
    struct forwarding forwarding = {0};
    int status;

    choose_reaping(settings, terminal);
    if (!spawn(settings, given, terminal, &child)) {
        print_message(settings, NO_PROCESS, &(struct message_fields){.name = settings->program[0], .error = errno});
        return settings->dialect->cannot_start;
    }

    /* The point of no return: the container runs, and no error may end this process from here on. */
    print_message(settings, STARTED, &(struct message_fields){.name = settings->program[0], .pid = child.pid});
    finish_start(settings, &child);
    const bool known = reap(settings, &child, &forwarding, &status);
    reclaim_terminal(&child);
    report_group_signal(settings, &child);
    if (known)
        write_epitaph(settings, &child, status, &forwarding);
    end_remaining_processes(settings, &forwarding);
    if (!known) {
        print_message(settings, STATUS_LOST, &(struct message_fields){.name = settings->program[0]});
        return EX_SOFTWARE;
    }
    const int code = exit_code(settings, status, &forwarding);
    print_message(settings, EXITS, &(struct message_fields){.code = code});
    return code;
}

int main(int argc, char **argv)
{
    struct inherited_signals given;
    struct settings settings;

    block_signals(&given);
    open_missing_standard_descriptors();
    const int code = read_options(argc, argv, &settings);
    if (code != RUN_PROGRAM)
        return code;
    unblock_signals(settings.behavior.unblocked, &given);
    if (settings.behavior.parent_death_signal != 0 &&
        prctl(PR_SET_PDEATHSIG, (long)settings.behavior.parent_death_signal, 0L, 0L, 0L) < 0)
        return settings.dialect->cannot_start;
    if (!become_subreaper(&settings))
        return settings.dialect->cannot_start;
    if (settings.behavior.pause_only) {
        pause_and_reap();
        return 0;
    }
    return run(&settings, &given);
}
