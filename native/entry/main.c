/*
 * bailey: the command in an image. It executes Node with bailey.js, which is in the same folder as this file.
 *
 * There is one exception: a program that runs in place of an agent is executed here, without Node. docker-workflow
 * starts `bailey agent cat`, checks at once that the container runs `cat`, and reports a wrong image when it finds
 * another process, such as a Node that is still starting (WithContainerStep.java: docker run --detach, then docker
 * top). If the program cannot be executed, bailey.js reports why.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Exit codes, as of a POSIX shell. */
enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* Prints one line in the format of bailey's messages. */
static void print_line(const char *sentence)
{
    const struct iovec parts[] = {
        {"bailey: ", 8},
        {(void *)sentence, strlen(sentence)},
        {"\n", 1},
    };

    if (writev(STDERR_FILENO, parts, 3) < 0)
        return; /* a failure cannot be reported; there is still the exit code */
}

/* Whether the command line is `bailey agent PROGRAM`. As PID 1 it needs an init first, which bailey.js provides. */
static bool names_program(int argc, char *const argv[])
{
    return argc == 3 && strcmp(argv[1], "agent") == 0 && argv[2][0] != '-' && argv[2][0] != '\0' && getpid() != 1;
}

/* Gets the path of bailey.js, which is in the folder of this program; false when /proc does not show it. */
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
 * Hides NODE_OPTIONS from this Node: in a container it is meant for the Node of the builds, and may name files that do
 * not exist here, or options of another version. src/bailey/commands/launch.ts restores it for the program that is
 * started.
 * @return false without memory
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
        print_line("cannot find bailey.js without /proc; run: mount -t proc proc /proc");
        return NOT_FOUND;
    }
    arguments[0] = (char[]){"node"};
    arguments[1] = script;
    memcpy(arguments + 2, argv + 1, (size_t)argc * sizeof(*argv)); /* including the null pointer at the end */
    if (!hold_back_node_options()) {
        print_line("no memory for the environment; raise the memory limit of the container");
        return NOT_EXECUTABLE;
    }
    execvp("node", arguments);
    if (errno == ENOENT) {
        print_line("node is not in PATH; install Node 20 or later in the image");
        return NOT_FOUND;
    }
    print_line("node cannot be executed; check its mode and that it is built for this machine");
    return NOT_EXECUTABLE;
}
