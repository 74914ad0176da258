#ifndef BAILEY_OPTIONS_H
#define BAILEY_OPTIONS_H

/* How orphans are kept from staying as zombies. */
enum reaping {
    REAP_AUTO,   /* the kernel where it can, else waiting */
    REAP_KERNEL, /* the same, but say why when the kernel can't */
    REAP_WAIT,   /* waiting */
};

struct options {
    enum reaping reaping;
    char **program; /* what to run and its arguments, ended by a null pointer */
};

/* read_options: the command line asks for a program to be run. */
enum { RUN_PROGRAM = -1 };

/*
 * Reads command line and environment (BAILEY_REAP). Options stop at the first argument that isn't one.
 * --help and --version are answered here, mistakes are reported here.
 * @return RUN_PROGRAM with *options filled, else the code to exit with
 */
int read_options(char **argv, struct options *options);

#endif
