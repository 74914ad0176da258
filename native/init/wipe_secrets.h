/* --forget: overwrites secrets in the environment and the command line of bailey-init. */
#ifndef BAILEY_WIPE_SECRETS_H
#define BAILEY_WIPE_SECRETS_H

/*
 * Overwrites secrets in the memory of this process, which /proc/PID/environ and /proc/PID/cmdline show to every process
 * of the same user. Call it when the program has been executed and has its own copy.
 * @param names separated by commas: variables, and options of the program, which begin with a dash; a dash alone means
 *   all arguments of the program
 * @param arguments the program and its arguments
 */
void wipe_secrets(const char *names, char **arguments);

#endif
