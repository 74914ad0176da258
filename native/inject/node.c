#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "../init/message.h"
#include "image.h"
#include "payload.h"
#include "refuse.h"

/*
 * Reads the bundle from our file and runs it. As a script of -e, because a path below /proc/self/fd would make Node look
 * for package.json in folders above that are not ours.
 */
static const char run_bundle[] =
    "const[,fd,at,size]=process.argv,code=Buffer.alloc(+size);"
    "require('node:fs').readSync(+fd,code,0,+size,+at);"
    "require('node:vm').compileFunction(code.toString(),['require','module','exports'],"
    "{filename:'bailey-agent.js'})(require,module,exports)";

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
        append(preload, format_number(copy_part(payload, part), room));
    }
}

/*
 * Takes a variable out of the environment: Node alone must not see it, since NODE_OPTIONS of an image is meant for the
 * Node that its builds run, and may name files that we don't have.
 * @return NAME=VALUE, or an empty text when it isn't set
 */
static const char *hold_back(const char *name)
{
    const size_t length = strlen(name);
    const char *held = "";
    char **kept = environ;

    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=')
            held = *variable;
        else
            *kept++ = *variable;
    }
    *kept = NULL;
    return held;
}

static void map_loader(const struct image *node, struct image *loader)
{
    const int file = open(node->interpreter, O_RDONLY | O_CLOEXEC);

    if (file < 0 && errno == ENOENT)
        refuse(127, "this image has no glibc", errno, "musl, as in Alpine, will not do: take an image with glibc");
    if (file < 0 || !map_image(file, 0, loader))
        refuse(126, "glibc's loader cannot be mapped", errno, NULL);
    (void)close(file);
}

_Noreturn void become_node(int argc, char **argv)
{
    struct payload payload;
    struct image node, loader;
    char preload[sizeof "LD_PRELOAD=" + MOST_PARTS * (sizeof ":/proc/self/fd/" + NUMBER_SIZE)] = "";
    char file[NUMBER_SIZE], at[NUMBER_SIZE], size[NUMBER_SIZE], addon[NUMBER_SIZE];

    open_payload(&payload);
    const struct part *const node_part = find_part(&payload, "node");
    const struct part *const bundle = find_part(&payload, "bailey-agent.js");
    if (!map_image(payload.file, (off_t)node_part->offset, &node))
        refuse(126, "Node cannot be mapped", errno, NULL);
    map_loader(&node, &loader);
    add_missing_libraries(&payload, preload);

    const char *const own[] = {
        argc > 0 ? argv[0] : "bailey-agent",
        "--input-type=commonjs",
        "-e",
        run_bundle,
        "--",
        format_number(payload.file, file),
        format_number((int)bundle->offset, at),
        format_number((int)bundle->size, size),
        format_number(copy_part(&payload, find_part(&payload, "addon.node")), addon),
        hold_back("NODE_OPTIONS"),
        preload,
        *preload ? hold_back("LD_PRELOAD") : preload,
    };
    const size_t own_count = sizeof own / sizeof *own, rest = argc > 1 ? (size_t)argc - 1 : 0;
    const char *arguments[own_count + rest + 1];
    memcpy(arguments, own, sizeof own);
    memcpy(arguments + own_count, argv + 1, rest * sizeof *arguments);
    arguments[own_count + rest] = NULL;

    size_t variables = 0;
    while (environ[variables] != NULL)
        variables++;
    const char *environment[variables + 2];
    memcpy(environment, environ, variables * sizeof *environment);
    environment[variables] = *preload ? preload : NULL;
    environment[variables + 1] = NULL;

    (void)enter(&node, &loader, arguments, environment);
    refuse(EX_CONFIG, "/proc/self/auxv cannot be read", errno, "mount /proc");
}
