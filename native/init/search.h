#ifndef BAILEY_SEARCH_H
#define BAILEY_SEARCH_H

/*
 * Replaces this process by a program, found as execvp(3) finds it: a name with a slash is the file itself, another
 * one is looked for in PATH, or, when there is no PATH, where Docker's images have theirs. Unlike execvp(3) no shell
 * is started for a file without a known format.
 * @return only when it failed, with errno: ENOENT or ENOTDIR not found, EACCES found but not allowed, or whatever
 *   execve(2) said of the file that was found
 */
void execute(char *const program[]);

#endif
