#ifndef BAILEY_PARSE_VALUES_H
#define BAILEY_PARSE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a whole number without a sign.
 * @param end set to the first character after it
 * @return false when there is no digit, or when it is larger than most
 */
bool parse_number(const char *text, const char **end, uint32_t most, uint32_t *number);

/*
 * Reads a signal: its number, SIGTERM, TERM, or SIGRTMIN+2 and RTMAX-1 as the kernel counts them (34 and 64).
 * @param end set to the first character after it
 * @return its number, or 0 when it is none
 */
int parse_signal(const char *text, const char **end);

/*
 * Reads a duration: 90, 90s, 500ms, 2m or 1h; at most 24 days.
 * @return false when it is none
 */
bool parse_duration(const char *text, uint32_t *milliseconds);

/* SIGTERM for 15; null for a number without a name. */
const char *signal_name(int number);

#endif
