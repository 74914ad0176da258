/*
 * bailey-agent: one file that is bailey-init, Node and `bailey agent`, for images that have only java. As process 1 it is
 * bailey-init, which starts the same file once more; as any other process it becomes Node, which becomes java.
 *
 * It is bailey-init's own code, linked in, and not a second file in memory: process 1 would have no name there.
 */
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

static int become_init(int argc, char **argv)
{
    static char name[] = "bailey-init", separator[] = "--";
    const size_t rest = argc > 1 ? (size_t)argc - 1 : 0;
    char *own[rest + 4];

    /* For ps, `bailey zombies`, and exec in native/addon, which asks the init for what it was given. */
    (void)prctl(PR_SET_NAME, name, 0L, 0L, 0L);
    own[0] = name;
    own[1] = separator;
    own[2] = own_file();
    memcpy(own + 3, argv + 1, rest * sizeof *own);
    own[rest + 3] = NULL;
    return init_main((int)rest + 3, own);
}

int main(int argc, char **argv)
{
    if (getpid() == 1)
        return become_init(argc, argv);
    open_missing_standard_descriptors();
    become_node(argc, argv);
}
