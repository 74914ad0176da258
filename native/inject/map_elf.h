/*
 * Runs a program that is inside another file, without copying it. It does in user space what the kernel's ELF loader
 * does.
 */
#ifndef BAILEY_MAP_ELF_H
#define BAILEY_MAP_ELF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A program or a loader in the memory of this process, mapped as execve(2) would map it. */
struct image {
    uintptr_t base; /* difference between its addresses in memory and in the file */
    uintptr_t entry;
    uintptr_t headers; /* address of the program headers in memory */
    size_t header_count;
    char interpreter[PATH_MAX]; /* path of its loader; empty without one */
};

/*
 * Maps an ELF file, which may be inside another file. Nothing is copied: all containers on a host share the pages.
 * @param at where it begins in the file, a multiple of the page size
 * @return false with errno; ENOEXEC when it is not a program for this machine
 */
bool map_image(int file, off_t at, struct image *image);

/*
 * Runs a dynamically linked program in place of this one, as if the kernel had mapped it and its loader. /proc/self/exe
 * and /proc/self/cmdline still show what was executed.
 * @param loader the interpreter of the program
 * @return only with false and errno, when /proc/self/auxv cannot be read
 */
bool jump_to_loader(const struct image *program, const struct image *loader, const char *const arguments[],
           const char *const environment[]);

#endif
