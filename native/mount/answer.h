/* What castle-mount says on standard output: one line, for the castle. */
#ifndef CASTLE_MOUNT_ANSWER_H
#define CASTLE_MOUNT_ANSWER_H

#include <stdint.h>

void print(const char *text);

/* Says which step failed and with what errno. Returns the exit status for that. */
int failed(const char *step);

/* The same of an act whose answer has several lines: begins with `failed`, and ends with a sentence, which may be empty. */
int failed_with(const char *step, const char *sentence);

/* Says the id of the mount. Returns the exit status for that. */
int done(uint64_t id);

#endif
