#ifndef BAILEY_REFUSE_H
#define BAILEY_REFUSE_H

/*
 * Ends with one line on standard error, as `bailey` does: what happened, why, what to do.
 * @param code the exit code, of sysexits.h or a shell's 126 and 127
 * @param error an errno, or 0
 * @param remedy NULL when there is none
 */
_Noreturn void refuse(int code, const char *sentence, int error, const char *remedy);

#endif
