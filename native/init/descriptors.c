#include "descriptors.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

void open_missing_standard_descriptors(void)
{
    struct pollfd standard[] = {{.fd = STDIN_FILENO}, {.fd = STDOUT_FILENO}, {.fd = STDERR_FILENO}};
    int missing = 0;

    /* One system call for all three; POLLNVAL means closed. */
    if (poll(standard, 3, 0) <= 0)
        return;
    for (int fd = 0; fd < 3; fd++)
        missing += (standard[fd].revents & POLLNVAL) != 0;
    while (missing-- > 0) {
        /* open(2) takes the lowest free number. Without a /dev, a descriptor that refuses everything keeps the place. */
        if (open("/dev/null", O_RDWR) < 0 && open("/", O_PATH) < 0)
            return;
    }
}
