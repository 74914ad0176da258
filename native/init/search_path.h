#ifndef BAILEY_SEARCH_PATH_H
#define BAILEY_SEARCH_PATH_H

#include <stdbool.h>

/*
 * Replaces this process by a program, found as execvp(3) finds it: a name with a slash is the file itself, another
 * one is looked for in PATH, or, when there is no PATH, where Docker's images have theirs. A file without a
 * known format is not run.
 * @param program its name and arguments; there must be room for one more in front
 * @param runs_scripts as execvp(3) has it, such a file is a script for /bin/sh
 * @return only when it failed, with errno: ENOENT or ENOTDIR not found, EACCES found but not allowed, or whatever
 *   execve(2) said of the file that was found
 */
void execute(char **program, bool runs_scripts);

#endif
