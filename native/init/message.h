/* Messages on standard output and standard error. */
#ifndef BAILEY_MESSAGE_H
#define BAILEY_MESSAGE_H

#include "dialect.h"

/*
 * Prints the message of the dialect about an event, if the verbosity includes it. Each line is one write, so that lines
 * of other processes do not mix with it.
 * @param fields the values that the text uses; null when it uses none
 */
void print_message(const struct settings *settings, enum event event, const struct message_fields *fields);

/*
 * Whether a line can be written without blocking: PID 1 must not block on a full pipe that no process reads. Waits half
 * a second for a slow reader, unless the previous wait timed out.
 */
bool can_write_now(int fd);

/* Writes a whole text. Returns 0, or -1 with errno. */
int write_all(int fd, const char *text);

/* The size of the longest result of format_number: sign, ten digits, terminator. */
enum { NUMBER_SIZE = 12 };

/*
 * Formats a number in decimal.
 * @param room NUMBER_SIZE bytes
 * @return the text, which is inside room
 */
const char *format_number(int value, char *room);

#endif
