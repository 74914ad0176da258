#include "search.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* Whether the search goes on after this error, as in glibc: the folder or what it leads to isn't there. */
static bool not_here(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES || error == ENAMETOOLONG || error == ENODEV ||
           error == ESTALE || error == ETIMEDOUT;
}

void execute(char *const program[])
{
    const char *name = program[0];
    const size_t name_length = strlen(name);
    const char *folder = getenv("PATH");
    bool forbidden = false;
    char file[PATH_MAX];

    if (strchr(name, '/') || name_length == 0) {
        execve(name, program, environ);
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
            execve(file, program, environ);
        }
        if (!not_here(errno))
            return;
        forbidden |= errno == EACCES;
        if (folder[length] == '\0')
            break;
        folder += length + 1;
    }
    errno = forbidden ? EACCES : ENOENT;
}
