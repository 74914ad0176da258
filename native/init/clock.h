/* Time for time-outs. */
#ifndef BAILEY_CLOCK_H
#define BAILEY_CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Returns the milliseconds on the monotonic clock, never 0. Uses the bare system call, because libc's clock_gettime
 * touches the pages of the vDSO's symbols.
 */
static inline uint64_t now_ms(void)
{
    struct timespec now = {0};

    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + 1;
}

/* Returns the milliseconds until a moment on that clock; 0 when it is past. */
static inline int time_left(uint64_t moment)
{
    const uint64_t now = now_ms();

    return moment > now ? (int)(moment - now) : 0;
}

#endif
