/* See search_path.h. */
#include "search_path.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char shell[] = "/bin/sh";

/* Whether the search continues after this error, as in glibc. */
static bool continues_search(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES || error == ENAMETOOLONG || error == ENODEV ||
           error == ESTALE || error == ETIMEDOUT;
}

/*
 * Executes a file, or runs it as a script, which needs one more argument. The array of arguments is changed in place,
 * because no other memory here is large enough for any number of arguments.
 */
static void run_file(char *file, char **program, bool runs_scripts)
{
    char *const name = program[0];

    execve(file, program, environ);
    if (errno != ENOEXEC || !runs_scripts)
        return;
    program[-1] = (char *)shell;
    program[0] = file;
    execve(shell, program - 1, environ);
    program[0] = name;
    errno = ENOEXEC;
}

void execute(char **program, bool runs_scripts)
{
    char *const name = program[0];
    const size_t name_length = strlen(name);
    const char *folder = getenv("PATH");
    bool forbidden = false;
    char file[PATH_MAX];

    if (strchr(name, '/') || name_length == 0) {
        run_file(name, program, runs_scripts);
        return;
    }
    if (!folder)
        folder = default_path;
    for (;;) {
        const size_t length = strcspn(folder, ":");

        errno = ENAMETOOLONG;
        if (length + name_length + 2 <= sizeof file) {
            memcpy(file, folder, length);
            file[length] = '/';
            /* An empty entry is the working directory. */
            memcpy(file + length + (length > 0), name, name_length + 1);
            run_file(file, program, runs_scripts);
        }
        if (!continues_search(errno))
            return;
        forbidden |= errno == EACCES;
        if (folder[length] == '\0')
            break;
        folder += length + 1;
    }
    errno = forbidden ? EACCES : ENOENT;
}
