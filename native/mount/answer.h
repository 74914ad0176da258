/* What castle-mount says on standard output: one line, for the castle. */
#ifndef CASTLE_MOUNT_ANSWER_H
#define CASTLE_MOUNT_ANSWER_H

#include <stdint.h>

void print(const char *text);

/* Says which step failed and with what errno. Returns the exit status for that. */
int failed(const char *step);

/* Says the id of the mount. Returns the exit status for that. */
int done(uint64_t id);

#endif
