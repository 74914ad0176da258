/* See exit_with_message.h. */
#include "exit_with_message.h"

#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

_Noreturn void exit_with_message(int code, const char *sentence, int error, const char *remedy)
{
    const char *const words[] = {
        "bailey-agent: ", sentence, error ? ": " : "", error ? strerror(error) : "", remedy ? "; " : "",
        remedy ? remedy : "", "\n",
    };
    enum { COUNT = sizeof words / sizeof *words };
    struct iovec line[COUNT];

    for (int i = 0; i < COUNT; i++)
        /* writev(2) only reads it, so it may be const. NOLINTNEXTLINE(performance-no-int-to-ptr) */
        line[i] = (struct iovec){.iov_base = (void *)(uintptr_t)words[i], .iov_len = strlen(words[i])};
    (void)!writev(STDERR_FILENO, line, COUNT);
    _exit(code);
}
