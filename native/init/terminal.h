#ifndef BAILEY_TERMINAL_H
#define BAILEY_TERMINAL_H

#include <stdbool.h>

/* Whether standard input is this process's controlling terminal, with this process's group in the foreground. */
bool has_foreground(void);

/*
 * In the child: puts the caller's own process group into the foreground of the terminal on standard input, so that
 * ^C and ^Z reach the program and not us. SIGTTOU must be blocked, or the terminal would stop the caller for asking.
 */
void take_foreground(void);

#endif
