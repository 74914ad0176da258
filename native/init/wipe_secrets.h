#ifndef BAILEY_WIPE_SECRETS_H
#define BAILEY_WIPE_SECRETS_H

/*
 * Wipes out of our own memory what the program alone needs to know: /proc/PID/environ and /proc/PID/cmdline are that
 * memory. Only when the program has been executed, and so has its copy.
 * @param names separated by commas: variables; and options, which begin with a dash, of the arguments; a
 *   dash alone is all arguments, which have secrets by their places, too
 * @param arguments the program and its own
 */
void wipe_secrets(const char *names, char **arguments);

#endif
