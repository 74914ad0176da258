/*
 * bailey-init: the first process of a container. It starts one program, forwards signals to it, leaves no zombie, and
 * ends as the program ends. `bailey-init --help` says how to call it; ../../README.md says more.
 *
 * It allocates nothing, has no timer and no signal handler: every signal stays blocked and is asked for.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "descriptors.h"
#include "message.h"
#include "options.h"
#include "reap.h"
#include "signals.h"
#include "spawn.h"

/* Process 1 gets its namespace's orphans anyway; anybody else has to ask for those of its own descendants. */
static void become_reaper(void)
{
    if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) < 0)
        say("not process 1, and cannot become a subreaper: orphans are left to others: ", strerror(errno), NULL);
}

/* Reaps in the way that was asked for, or the best there is, until the program has ended; false when its status is lost. */
static bool reap(const struct child *child, enum reaping way, int *status)
{
    struct kernel_reaping ready;
    const char *obstacle;

    if (way != REAP_WAIT) {
        obstacle = prepare_kernel_reaping(child, &ready);
        if (!obstacle)
            return reap_by_kernel(child, &ready, status);
        if (way == REAP_KERNEL)
            say("the kernel cannot reap here, so bailey-init does: ", obstacle, NULL);
    }
    *status = reap_by_waiting(child);
    return true;
}

/* What the shell makes of a wait status. */
static int exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    struct signals_given given;
    struct options options;
    struct child child;
    int status;

    (void)argc;
    hold_signals(&given);
    open_missing_standard_descriptors();
    int code = read_options(argv, &options);
    if (code != RUN_PROGRAM)
        return code;
    become_reaper();
    if (!spawn(options.program, &given, &child)) {
        say("no process could be created for '", options.program[0], "': ", strerror(errno), NULL);
        return EX_OSERR;
    }

    /* From here on nothing may fail: a container lives in our care. */
    if (reap(&child, options.reaping, &status))
        return exit_code(status);
    say("the kernel did not tell the exit code of '", options.program[0], "'", NULL);
    return EX_SOFTWARE;
}
