/* Parsers for the values of options: numbers, signals, durations. */
#ifndef BAILEY_PARSE_VALUES_H
#define BAILEY_PARSE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Parses a whole number without a sign.
 * @param end set to the first character after it
 * @return false when there is no digit, or when the number is larger than most
 */
bool parse_number(const char *text, const char **end, uint32_t most, uint32_t *number);

/*
 * Parses a signal: a number, SIGTERM, TERM, SIGRTMIN+2 or RTMAX-1, with 34 for RTMIN and 64 for RTMAX.
 * @param end set to the first character after it
 * @return its number, or 0 when it is not a signal
 */
int parse_signal(const char *text, const char **end);

/*
 * Parses a duration: 90, 90s, 500ms, 2m or 1h; at most 24 days.
 * @return false when it is not a duration
 */
bool parse_duration(const char *text, uint32_t *milliseconds);

/* Returns the name of a signal, such as SIGTERM for 15; null for a number without a name. */
const char *signal_name(int number);

#endif
