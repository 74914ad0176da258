/* Executing a program that is found by PATH. */
#ifndef BAILEY_SEARCH_PATH_H
#define BAILEY_SEARCH_PATH_H

#include <stdbool.h>

/*
 * Replaces this process by a program, which is found as by execvp(3): a name with a slash is a path, any other name is
 * searched in PATH, or without PATH in the default of Docker images.
 * @param program its name and arguments; there must be room for one more element in front of them
 * @param runs_scripts whether /bin/sh runs a file of an unknown format, as execvp(3) has it
 * @return only when it failed, with errno: ENOENT or ENOTDIR not found, EACCES found but not permitted, or the error of
 *   execve(2) for the file that was found
 */
void execute(char **program, bool runs_scripts);

#endif
