/* The command line and the environment of bailey-init. */
#ifndef BAILEY_OPTIONS_H
#define BAILEY_OPTIONS_H

#include "dialect.h"

/* The result of read_options when bailey-init must run a program or pause, in place of an exit status. */
enum { RUN_PROGRAM = -1 };

/*
 * Reads the command line and the environment in the dialect that argv[0] names. Options end at the first argument that
 * is not one. It prints --help and the like, and reports a wrong command line.
 * @return RUN_PROGRAM with *settings filled, else the exit status
 */
int read_options(int argc, char **argv, struct settings *settings);

#endif
