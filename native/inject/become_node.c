/* See become_node.h. */
#include "become_node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "../init/message.h"
#include "exit_with_message.h"
#include "map_elf.h"
#include "payload.h"

/*
 * The script that reads the bundle from this file and runs it. It is passed with -e, because for a path below
 * /proc/self/fd, Node would search the parent folders for a package.json.
 */
static const char run_bundle[] =
    "const[,fd,at,size]=process.argv,code=Buffer.alloc(+size);"
    "require('node:fs').readSync(+fd,code,0,+size,+at);"
    "require('node:vm').compileFunction(code.toString(),['require','module','exports'],"
    "{filename:'bailey-agent.js'})(require,module,exports)";

/* The folders in which the loaders of distributions search libraries by default. */
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

/* Appends to a text that has room for it; see `preload`. */
static void append(char *text, const char *more)
{
    memcpy(text + strlen(text), more, strlen(more) + 1);
}

/*
 * Copies the libraries that Node needs and the image lacks to memory. The libraries of the image are preferred, because
 * they match its glibc.
 * @param preload becomes LD_PRELOAD=…, or stays empty
 */
static void add_missing_libraries(const struct payload *payload, char *preload)
{
    char room[NUMBER_SIZE];

    for (size_t i = 0; i < payload->count; i++) {
        const struct part *part = &payload->parts[i];

        if (strncmp(part->name, "lib", 3) != 0 || image_has(part->name))
            continue;
        append(preload, *preload == '\0' ? "LD_PRELOAD=/proc/self/fd/" : ":/proc/self/fd/");
        append(preload, format_number(copy_part_to_memory(payload, part), room));
    }
}

/*
 * Removes a variable from the environment of Node; bailey-agent.ts restores it for java. NODE_OPTIONS of an image is
 * meant for the Node of its builds, and may name files that do not exist here.
 * @return NAME=VALUE, or an empty text when it is not set
 */
static const char *remove_variable(const char *name)
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
        exit_with_message(127, "this image has no glibc", errno, "musl, as in Alpine, does not work: use an image with glibc");
    if (file < 0 || !map_image(file, 0, loader))
        exit_with_message(126, "glibc's loader cannot be mapped", errno, NULL);
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
        exit_with_message(126, "Node cannot be mapped", errno, NULL);
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
        format_number(copy_part_to_memory(&payload, find_part(&payload, "addon.node")), addon),
        remove_variable("NODE_OPTIONS"),
        preload,
        *preload ? remove_variable("LD_PRELOAD") : preload,
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

    (void)jump_to_loader(&node, &loader, arguments, environment);
    exit_with_message(EX_CONFIG, "/proc/self/auxv cannot be read", errno, "mount /proc");
}
