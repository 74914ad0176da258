#ifndef BAILEY_CLOCK_H
#define BAILEY_CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds since some moment, never 0. By the bare system call: libc's own way maps the vDSO's symbols first. */
static inline uint64_t now_ms(void)
{
    struct timespec now = {0};

    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + 1;
}

/* Milliseconds until a moment; 0 when it has come. */
static inline int time_left(uint64_t moment)
{
    const uint64_t now = now_ms();

    return moment > now ? (int)(moment - now) : 0;
}

#endif
