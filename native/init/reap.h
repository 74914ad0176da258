#ifndef BAILEY_REAP_H
#define BAILEY_REAP_H

#include <stdbool.h>

#include "signals.h"
#include "spawn.h"

/*
 * Finds out whether the kernel can reap and still tell the program's exit status, and gets ready for it.
 * @param waiting becomes the descriptor that reap_by_kernel() waits with
 * @return null when it can, else the reason for people
 */
const char *prepare_kernel_reaping(const struct settings *settings, const struct child *child, int *waiting);

/*
 * Lets the kernel free every process that ends, forwards signals, and sleeps until the program has ended.
 * @return true with the wait status; false when the kernel didn't tell it after all
 */
bool reap_by_kernel(const struct settings *settings, const struct child *child, int waiting, struct forwarding *forwarding,
                    int *status);

/*
 * Collects every process that ends, forwards signals, until the program has ended. SIGCHLD must be at its default.
 * @return the wait status of the program
 */
int reap_by_waiting(const struct settings *settings, const struct child *child, struct forwarding *forwarding);

/* What collecting came to. */
enum reap_result { PROGRAM_ENDED, CHILDREN_LEFT, NO_CHILDREN };

/*
 * Collects processes that have ended, without waiting, until none is left or the program was among them.
 * @param child the program; null: it has ended before
 * @return PROGRAM_ENDED with its wait status; NOBODY_LEFT when there is no child any more
 */
enum reap_result reap_ended(const struct settings *settings, const struct child *child, int *status);

/* Reaps until SIGTERM or SIGINT, without any program. */
void pause_and_reap(void);

#endif
