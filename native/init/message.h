#ifndef BAILEY_MESSAGE_H
#define BAILEY_MESSAGE_H

#include "dialect.h"

/*
 * Tells people of an event in one line, in the words of the dialect, if the verbosity asks for it. All of it goes out
 * in a single write, so that lines of other processes don't come in between.
 * @param facts what the event's text may name; null when it names nothing
 */
void print_message(const struct settings *settings, enum event event, const struct message_fields *fields);

/*
 * Whether a line can be written without waiting: on a full pipe whose reader has stopped reading process 1 would stand
 * still, and with it all that it is there for. A slow reader gets half a second, unless it let the last one pass.
 */
bool can_write_now(int fd);

/* Writes all of a text; 0, or -1 with errno. */
int write_all(int fd, const char *text);

/* Room for every number that number() writes: sign, ten digits, terminator. */
enum { NUMBER_SIZE = 12 };

/*
 * Writes a number in decimal.
 * @param room NUMBER_SIZE bytes
 * @return the text, somewhere in room
 */
const char *format_number(int value, char *room);

#endif
