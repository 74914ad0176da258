#ifndef BAILEY_MESSAGE_H
#define BAILEY_MESSAGE_H

#include <stddef.h>

/*
 * Writes one line to standard error: "bailey-init: ", the texts one after another, a full stop is the caller's.
 * All of it goes out in a single write, so that lines of other processes don't come in between.
 * @param ... texts, ended by a null pointer; at most MESSAGE_PARTS
 */
void say(const char *first, ...) __attribute__((sentinel));

/* How many texts say() takes. */
enum { MESSAGE_PARTS = 10 };

/*
 * Writes a text to standard output.
 * @return 0, or -1 with errno when not all of it could be written
 */
int print(const char *text);

/* Room for every number that number() writes: sign, ten digits, terminator. */
enum { NUMBER_SIZE = 12 };

/*
 * Writes a number in decimal.
 * @param room NUMBER_SIZE bytes
 * @return the text, somewhere in room
 */
const char *number(int value, char *room);

#endif
