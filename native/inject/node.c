#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "../init/message.h"
#include "payload.h"
#include "refuse.h"

/*
 * Reads the bundle from our file and runs it. As a script of -e, because a path below /proc/self/fd would make Node look
 * for package.json in folders above that are not ours.
 */
static const char loader[] =
    "const[,fd,at,size]=process.argv,code=Buffer.alloc(+size);"
    "require('node:fs').readSync(+fd,code,0,+size,+at);"
    "require('node:vm').compileFunction(code.toString(),['require','module','exports','__filename'],"
    "{filename:'bailey-agent.js'})(require,module,exports,'/bailey-agent.js')";

/* The folders where a glibc's loader finds libraries without being told, as distributions lay them out. */
static const char *const library_folders[] = {
    "/lib64/", "/usr/lib64/", "/lib/" MACHINE "-linux-gnu/", "/usr/lib/" MACHINE "-linux-gnu/", "/lib/", "/usr/lib/",
};

static bool image_has(const char *library)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof library_folders / sizeof *library_folders; i++) {
        const size_t length = strlen(library_folders[i]);

        memcpy(path, library_folders[i], length);
        memcpy(path + length, library, strlen(library) + 1);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

/* Appends to a text; it has the room, see `preload`. */
static void append(char *text, const char *more)
{
    memcpy(text + strlen(text), more, strlen(more) + 1);
}

/*
 * Copies the libraries that Node needs and the image lacks; the image's own are better: they fit its glibc.
 * @param preload becomes LD_PRELOAD=…, or stays as it is
 */
static void add_missing_libraries(const struct payload *payload, char *preload)
{
    char room[NUMBER_SIZE];

    for (size_t i = 0; i < payload->count; i++) {
        const struct part *part = &payload->parts[i];

        if (strncmp(part->name, "lib", 3) != 0 || image_has(part->name))
            continue;
        append(preload, *preload == '\0' ? "LD_PRELOAD=/proc/self/fd/" : ":/proc/self/fd/");
        append(preload, number(copy_part(payload, part, false), room));
    }
}

/*
 * Takes a variable out of the environment: Node alone must not see it, since NODE_OPTIONS of an image is meant for the
 * Node that its builds run, and may name files that we don't have.
 * @return NAME=VALUE, or an empty text when it isn't set
 */
static char *hold_back(const char *name)
{
    static char nothing[] = "";
    const size_t length = strlen(name);
    char **kept = environ, *held = nothing;

    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=')
            held = *variable;
        else
            *kept++ = *variable;
    }
    *kept = NULL;
    return held;
}

_Noreturn static void refuse_node(int error)
{
    /* The file is there: it is the loader that Node names. */
    if (error == ENOENT)
        refuse(127, "Node needs glibc, and this image has none", 0, "Alpine's musl will not do: take an image with glibc");
    refuse(126, "Node cannot be started", error, error == EACCES ? "see sysctl vm.memfd_noexec" : NULL);
}

_Noreturn void become_node(int argc, char **argv)
{
    struct payload payload;
    char preload[sizeof "LD_PRELOAD=" + MOST_PARTS * (sizeof ":/proc/self/fd/" + NUMBER_SIZE)] = "";
    char file[NUMBER_SIZE], at[NUMBER_SIZE], size[NUMBER_SIZE], addon[NUMBER_SIZE];

    open_payload(&payload);
    const struct part *bundle = find_part(&payload, "bailey-agent.js");
    const int node = copy_part(&payload, find_part(&payload, "node"), true);
    add_missing_libraries(&payload, preload);

    char *const held_options = hold_back("NODE_OPTIONS");
    char *const held_preload = *preload ? hold_back("LD_PRELOAD") : preload;
    size_t variables = 0;
    while (environ[variables] != NULL)
        variables++;
    char *environment[variables + 2];
    memcpy(environment, environ, variables * sizeof *environment);
    environment[variables] = *preload ? preload : NULL;
    environment[variables + 1] = NULL;

    const char *const own[] = {
        argc > 0 ? argv[0] : "bailey-agent",
        "--input-type=commonjs",
        "-e",
        loader,
        "--",
        number(payload.file, file),
        number((int)bundle->offset, at),
        number((int)bundle->size, size),
        number(copy_part(&payload, find_part(&payload, "addon.node"), false), addon),
        held_options,
        *preload ? preload : "",
        held_preload,
    };
    const size_t own_count = sizeof own / sizeof *own;
    const size_t rest = argc > 1 ? (size_t)argc - 1 : 0;
    const char *arguments[own_count + rest + 1];
    memcpy(arguments, own, sizeof own);
    memcpy(arguments + own_count, argv + 1, rest * sizeof *arguments);
    arguments[own_count + rest] = NULL;

    (void)syscall(SYS_execveat, node, "", arguments, environment, AT_EMPTY_PATH);
    refuse_node(errno);
}
