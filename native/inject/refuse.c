#include "refuse.h"

#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

_Noreturn void refuse(int code, const char *sentence, int error, const char *remedy)
{
    const char *const words[] = {
        "bailey-agent: ", sentence, error ? ": " : "", error ? strerror(error) : "", remedy ? "; " : "",
        remedy ? remedy : "", "\n",
    };
    enum { COUNT = sizeof words / sizeof *words };
    struct iovec line[COUNT];

    for (int i = 0; i < COUNT; i++)
        /* What is only read by writev(2) may be const. NOLINTNEXTLINE(performance-no-int-to-ptr) */
        line[i] = (struct iovec){.iov_base = (void *)(uintptr_t)words[i], .iov_len = strlen(words[i])};
    (void)!writev(STDERR_FILENO, line, COUNT);
    _exit(code);
}
