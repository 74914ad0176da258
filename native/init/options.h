#ifndef BAILEY_OPTIONS_H
#define BAILEY_OPTIONS_H

#include "dialect.h"

/* read_options: the command line asks for a program to be run, or for a pause. */
enum { RUN_PROGRAM = -1 };

/*
 * Reads command line and environment in the dialect that argv[0] names. Options stop at the first argument that isn't
 * one. --help and its like are answered here, mistakes are reported here.
 * @return GO_ON with *settings filled, else the code to exit with
 */
int read_options(int argc, char **argv, struct settings *settings);

#endif
