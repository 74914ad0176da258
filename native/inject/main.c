/*
 * bailey-agent: bailey-init, Node and `bailey agent` in one file, for images that have only java. As PID 1 it is
 * bailey-init, which starts the same file again. As any other process it becomes Node, which becomes java.
 *
 * The code of bailey-init is linked into this program, because PID 1 would have no file name in /proc if bailey-init
 * were a second file in memory.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../init/descriptors.h"
#include "become_node.h"

/* bailey-init's main, under the name that the Makefile gives it. */
int init_main(int argc, char **argv);

/*
 * Returns the path that was executed. A path without a slash would be searched in PATH, so it is /proc/self/exe then.
 */
static char *executed_file(void)
{
    static char otherwise[] = "/proc/self/exe";
    char *const named = (char *)getauxval(AT_EXECFN); /* NOLINT(performance-no-int-to-ptr): that is how it is passed */

    return named != NULL && strchr(named, '/') != NULL ? named : otherwise;
}

/*
 * Whether secrets are overwritten by default. PID 1 was started with the secret of the agent, and every build can read
 * its command line and environment. As in src/bailey/commands/agent.ts, all arguments are overwritten, because the
 * secret may be any of them.
 */
static bool wipes_by_default(void)
{
    const char *const names = getenv("BAILEY_FORGET");

    return names == NULL || *names == '\0';
}

static int become_init(int argc, char **argv)
{
    static char name[] = "bailey-init", separator[] = "--";
    static char forget[] = "--forget", secrets[] = "JENKINS_SECRET,REMOTING_OPTS,-";
    const size_t rest = argc > 1 ? (size_t)argc - 1 : 0;
    size_t count = 0;
    char *own[rest + 6];

    /* The name that ps and `bailey zombies` show, and by which native/addon/exec.c recognizes bailey-init. */
    (void)prctl(PR_SET_NAME, name, 0L, 0L, 0L);
    own[count++] = name;
    if (wipes_by_default()) {
        own[count++] = forget;
        own[count++] = secrets;
    }
    own[count++] = separator;
    own[count++] = executed_file();
    memcpy(own + count, argv + 1, rest * sizeof *own);
    count += rest;
    own[count] = NULL;
    return init_main((int)count, own);
}

int main(int argc, char **argv)
{
    if (getpid() == 1)
        return become_init(argc, argv);
    open_missing_standard_descriptors();
    become_node(argc, argv);
}
