/*
 * bailey-init: the first process of a container. It starts one program, forwards signals to it, leaves no zombie, and
 * ends as the program ends. `bailey-init --help` says how to call it; ../../README.md says more.
 *
 * It allocates nothing, has no signal handler (every signal stays blocked and is asked for), and no timer unless one
 * was asked for and is running.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "descriptors.h"
#include "dialect.h"
#include "ending.h"
#include "epitaph.h"
#include "forget.h"
#include "message.h"
#include "options.h"
#include "reap.h"
#include "signals.h"
#include "spawn.h"

/* Process 1 gets its namespace's orphans anyway; anybody else has to ask for those of its own descendants. */
static bool adopt_orphans(const struct settings *settings)
{
    int is_subreaper = 0;

    if (getpid() == 1)
        return true;
    if (settings->manner.adoption == ADOPT_NOBODY) {
        if (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper, 0L, 0L, 0L) == 0 && !is_subreaper)
            tell(settings, NOBODY_ADOPTED, NULL);
        return true;
    }
    if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) == 0)
        return true;
    tell(settings, NO_ADOPTION, &(struct facts){.error = errno});
    return settings->manner.adoption == ADOPT;
}

/* Reaps in the best way there is, until the program has ended; false when its status is lost. */
static bool reap(const struct settings *settings, const struct child *child, struct traffic *traffic, int *status)
{
    int waiting;

    if (settings->manner.reaping != REAP_WAIT) {
        const char *obstacle = prepare_kernel_reaping(settings, child, &waiting);
        if (!obstacle) {
            const bool known = reap_by_kernel(settings, child, waiting, traffic, status);
            if (settings->manner.ends_group)
                end_group(settings, child);
            return known;
        }
        if (settings->manner.reaping == REAP_KERNEL)
            tell(settings, NO_KERNEL_REAPING, &(struct facts){.detail = obstacle});
    }
    *status = reap_by_waiting(settings, child, traffic);
    return true;
}

/* What the shell makes of a wait status, and what the settings make of that. */
static int exit_code(const struct settings *settings, int status, const struct traffic *traffic)
{
    const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    const int signal = code - 128;

    if (settings->manner.expects_term && signal >= 1 && signal <= LAST_SIGNAL &&
        traffic->forwarded & signal_bit(signal))
        return 0;
    return settings->exit_as[code];
}

/* What of ourselves the program must not see is done when it has been started. */
static void settle_down(const struct settings *settings, const struct child *child)
{
    if (settings->forgotten)
        forget(settings->forgotten, settings->program);
    if (settings->manner.closes_inherited)
        close_inherited(child->pidfd);
    if (settings->manner.to_root_folder && chdir("/") < 0)
        tell(settings, STAYS_IN_FOLDER, &(struct facts){.error = errno});
}

/* Who wants to hear of each process, or has to hear of the program's stops, must be woken for them. */
static void choose_reaping(struct settings *settings, enum terminal terminal)
{
    struct manner *manner = &settings->manner;

    if (!manner->warns && manner->verbosity < DETAIL && terminal != SHARED)
        return;
    if (manner->reaping == REAP_KERNEL)
        tell(settings, NO_KERNEL_REAPING, &(struct facts){.detail = "there are news that it doesn't give"});
    manner->reaping = REAP_WAIT;
}

/* Told after the program's end, which the dialect with such an end tells first. */
static void tell_of_group_end(const struct settings *settings, const struct child *child)
{
    const int signal = settings->forwarded_as[SIGTERM];

    if (settings->manner.ends_group && signal != 0)
        tell(settings, FORWARDED, &(struct facts){.signal = signal, .pid = child->pid});
}

static int run(struct settings *settings, const struct signals_given *given)
{
    const enum terminal terminal = look_at_terminal(settings);
    struct child child;
    struct traffic traffic = {0};
    int status;

    choose_reaping(settings, terminal);
    if (!spawn(settings, given, terminal, &child)) {
        tell(settings, NO_PROCESS, &(struct facts){.name = settings->program[0], .error = errno});
        return settings->dialect->cannot_start;
    }

    /* From here on nothing may fail: a container lives in our care. */
    tell(settings, STARTED, &(struct facts){.name = settings->program[0], .pid = child.pid});
    settle_down(settings, &child);
    const bool known = reap(settings, &child, &traffic, &status);
    take_back(&child);
    tell_of_group_end(settings, &child);
    if (known)
        write_epitaph(settings, &child, status, &traffic);
    see_off(settings, &traffic);
    if (!known) {
        tell(settings, STATUS_LOST, &(struct facts){.name = settings->program[0]});
        return EX_SOFTWARE;
    }
    const int code = exit_code(settings, status, &traffic);
    tell(settings, ENDS, &(struct facts){.code = code});
    return code;
}

int main(int argc, char **argv)
{
    struct signals_given given;
    struct settings settings;

    hold_signals(&given);
    open_missing_standard_descriptors();
    const int code = read_options(argc, argv, &settings);
    if (code != GO_ON)
        return code;
    let_go(settings.manner.left_alone, &given);
    if (settings.manner.parent_death_signal != 0 &&
        prctl(PR_SET_PDEATHSIG, (long)settings.manner.parent_death_signal, 0L, 0L, 0L) < 0)
        return settings.dialect->cannot_start;
    if (!adopt_orphans(&settings))
        return settings.dialect->cannot_start;
    if (settings.manner.pauses) {
        pause_and_reap();
        return 0;
    }
    return run(&settings, &given);
}
