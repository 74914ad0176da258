#ifndef BAILEY_IMAGE_H
#define BAILEY_IMAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A program or a loader in our memory, as the kernel's execve(2) would have mapped it. */
struct image {
    uintptr_t base; /* what to add to its addresses */
    uintptr_t entry;
    uintptr_t headers; /* of the program, in memory */
    size_t header_count;
    char interpreter[PATH_MAX]; /* the loader that it names; empty when it names none */
};

/*
 * Maps an ELF file, or one that lies inside another file. Nothing is copied: all containers on a host share the pages.
 * @param at where it begins in the file, a multiple of the page size
 * @return false with errno; ENOEXEC for what is no program of this machine
 */
bool map_image(int file, off_t at, struct image *image);

/*
 * Runs a dynamically linked program in our place, as if the kernel had mapped both and left the rest of the process as it
 * is: /proc/self/exe and /proc/self/cmdline go on saying what was executed.
 * @param loader the interpreter that the program names
 * @return only with false and errno, when /proc doesn't say what the kernel has told us
 */
bool enter(const struct image *program, const struct image *loader, const char *const arguments[],
           const char *const environment[]);

#endif
