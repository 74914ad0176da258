/* Failures of bailey-agent before Node runs. */
#ifndef BAILEY_EXIT_WITH_MESSAGE_H
#define BAILEY_EXIT_WITH_MESSAGE_H

/*
 * Prints one line on standard error, in the format of `bailey`: what happened, why, what to do. Then it exits.
 * @param code the exit code: one of sysexits.h, or 126 or 127 as of a shell
 * @param error an errno, or 0
 * @param remedy NULL without one
 */
_Noreturn void exit_with_message(int code, const char *sentence, int error, const char *remedy);

#endif
