/* The output of castle-mount on standard output, which the castle reads. */
#ifndef CASTLE_MOUNT_REPORT_H
#define CASTLE_MOUNT_REPORT_H

#include <stdint.h>

void print(const char *text);

/* Prints the step that failed and errno. Returns the exit status. */
int report_failure(const char *step);

/*
 * Prints the failure of an action on an export, whose output has several lines: `failed STEP ERRNO SENTENCE`. SENTENCE
 * may be empty.
 */
int report_export_failure(const char *step, const char *sentence);

/* Prints the id of a mount. Returns the exit status. */
int report_success(uint64_t id);

#endif
