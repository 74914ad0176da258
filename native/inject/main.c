/*
 * bailey-agent: one file that is bailey-init, Node and `bailey agent`, for images that have only java. As process 1 it is
 * bailey-init, which starts the same file once more; as any other process it becomes Node, which becomes java.
 *
 * It is bailey-init's own code, linked in, and not a second file in memory: process 1 would have no name there.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../init/descriptors.h"
#include "node.h"

/* bailey-init's main, under the name that the Makefile gives it. */
int init_main(int argc, char **argv);

/* Our own file, as whoever started us named it. A name without a slash would be searched in PATH. */
static char *own_file(void)
{
    static char otherwise[] = "/proc/self/exe";
    char *const named = (char *)getauxval(AT_EXECFN); /* NOLINT(performance-no-int-to-ptr): that is how it is passed */

    return named != NULL && strchr(named, '/') != NULL ? named : otherwise;
}

/*
 * Process 1 was started with the agent's secret, and every build may read what it was started with. As in src/bailey/commands/agent.ts:
 * all arguments, since the secret may be given by its place.
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

    /* For ps, `bailey zombies`, and exec in native/addon, which asks the init for what it was given. */
    (void)prctl(PR_SET_NAME, name, 0L, 0L, 0L);
    own[count++] = name;
    if (wipes_by_default()) {
        own[count++] = forget;
        own[count++] = secrets;
    }
    own[count++] = separator;
    own[count++] = own_file();
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
