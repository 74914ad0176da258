/*
 * bailey: the command's entry in an image; Node runs the rest of it, bailey.js, which lies beside this file.
 *
 * One thing cannot wait for Node: `bailey agent cat`. docker-workflow starts that, looks at once whether the container
 * runs `cat`, and says that its image is wrong when it finds something else, such as a Node that is still starting
 * (WithContainerStep.java: docker run --detach, then docker top). So a program that runs instead of an agent is exec'ed
 * from here. What is wrong with it, bailey.js says as ever.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* POSIX shell. */
enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* One line, as every other of bailey's. */
static void say(const char *sentence)
{
    const struct iovec parts[] = {
        {"bailey: ", 8},
        {(void *)sentence, strlen(sentence)},
        {"\n", 1},
    };

    if (writev(STDERR_FILENO, parts, 3) < 0)
        return; /* nobody reads: the exit code is left */
}

/*
 * Whether the arguments are those of `bailey agent PROGRAM`. As process 1 we have to become an init first, which is for
 * bailey.js.
 */
static bool names_program(int argc, char *const argv[])
{
    return argc == 3 && strcmp(argv[1], "agent") == 0 && argv[2][0] != '-' && argv[2][0] != '\0' && getpid() != 1;
}

/* The path of bailey.js into a buffer of PATH_MAX; false when it cannot be told. */
static bool beside_us(char path[PATH_MAX])
{
    static const char script[] = "bailey.js";
    const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof(script));
    char *slash;

    if (length <= 0 || length >= (ssize_t)(PATH_MAX - sizeof(script)))
        return false;
    path[length] = '\0';
    slash = strrchr(path, '/');
    if (!slash)
        return false;
    memcpy(slash + 1, script, sizeof(script));
    return true;
}

/*
 * NODE_OPTIONS in a container is meant for the Node of its builds: ours may not have the files that it names, or refuse an
 * option of another version, and nothing would start. src/bailey/commands/launch.ts gives it back to the program that we become.
 * @return false when there is no memory
 */
static bool hold_back_node_options(void)
{
    const char *const options = getenv("NODE_OPTIONS");

    return !options || (setenv("BAILEY_HELD_NODE_OPTIONS", options, 1) == 0 && unsetenv("NODE_OPTIONS") == 0);
}

int main(int argc, char *argv[])
{
    static char script[PATH_MAX];
    char *arguments[argc + 2];

    if (argc < 1)
        return NOT_FOUND;
    if (names_program(argc, argv))
        execvp(argv[2], argv + 2);
    if (!beside_us(script)) {
        say("/proc does not show where bailey.js lies; mount it: mount -t proc proc /proc");
        return NOT_FOUND;
    }
    arguments[0] = (char[]){"node"};
    arguments[1] = script;
    memcpy(arguments + 2, argv + 1, (size_t)argc * sizeof(*argv)); /* the null pointer at the end, too */
    if (!hold_back_node_options()) {
        say("there is no memory for the environment; raise the container's limit");
        return NOT_EXECUTABLE;
    }
    execvp("node", arguments);
    if (errno == ENOENT) {
        say("node is in no folder of PATH; install Node 20 or newer in the image");
        return NOT_FOUND;
    }
    say("node cannot be executed; chmod +x it, or look whether it is built for this machine");
    return NOT_EXECUTABLE;
}
