/* Reaping, in one of two ways: reap_kernel.c and reap_wait.c. */
#ifndef BAILEY_REAP_H
#define BAILEY_REAP_H

#include <stdbool.h>

#include "signals.h"
#include "spawn.h"

/*
 * Checks whether the kernel can reap and still report the exit status of the program, and prepares for that.
 * @param epoll_fd becomes the descriptor that reap_by_kernel() waits on
 * @return null when it can, else the reason, for a message
 */
const char *prepare_kernel_reaping(const struct settings *settings, const struct child *child, int *epoll_fd);

/*
 * Lets the kernel free every process that ends, and forwards signals until the program has ended.
 * @return true with the wait status of the program; false when the kernel does not report it after all
 */
bool reap_by_kernel(const struct settings *settings, const struct child *child, int epoll_fd, struct forwarding *forwarding,
                    int *status);

/*
 * Reaps every process that ends with waitpid(2), and forwards signals until the program has ended.
 * @return the wait status of the program
 */
int reap_by_waiting(const struct settings *settings, const struct child *child, struct forwarding *forwarding);

/* The result of reap_ended(). */
enum reap_result { PROGRAM_ENDED, CHILDREN_LEFT, NO_CHILDREN };

/*
 * Reaps the processes that have ended, without waiting, up to and including the program.
 * @param child the program; null: it has ended before
 * @return PROGRAM_ENDED with its wait status; NO_CHILDREN when this process has no children any more
 */
enum reap_result reap_ended(const struct settings *settings, const struct child *child, int *status);

/* Reaps until SIGTERM or SIGINT, without any program. */
void pause_and_reap(void);

#endif
