/* See descriptors.h. */
#include "descriptors.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

void open_missing_standard_descriptors(void)
{
    struct pollfd standard[] = {{.fd = STDIN_FILENO}, {.fd = STDOUT_FILENO}, {.fd = STDERR_FILENO}};
    int missing = 0;

    /* One system call checks all three. POLLNVAL: the descriptor is closed. */
    if (poll(standard, 3, 0) <= 0)
        return;
    for (int fd = 0; fd < 3; fd++)
        missing += (standard[fd].revents & POLLNVAL) != 0;
    while (missing-- > 0) {
        /*
         * open(2) takes the lowest free number. Without /dev/null, an O_PATH descriptor takes it, which cannot be read
         * or written.
         */
        if (open("/dev/null", O_RDWR) < 0 && open("/", O_PATH) < 0)
            return;
    }
}

#ifndef SYS_close_range
#define SYS_close_range 436 /* Linux 5.9 */
#endif

/* Closes the descriptors from first to last, both included. */
static void close_between(unsigned int first, unsigned int last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    /* Before Linux 5.9, closes each descriptor up to the default limit of open files. */
    for (unsigned int fd = first; fd <= last && fd < 1024; fd++)
        (void)close((int)fd);
}

void close_inherited(int kept)
{
    if (kept < 3) {
        close_between(3, ~0u);
        return;
    }
    close_between(3, (unsigned int)kept - 1);
    close_between((unsigned int)kept + 1, ~0u);
}
