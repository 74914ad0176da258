/* Lines for people, without stdio: its buffers and tables are pages that PID 1 would keep for ever. */
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static struct iovec piece(const char *text)
{
    return (struct iovec){.iov_base = (char *)text, .iov_len = strlen(text)};
}

void say(const char *first, ...)
{
    struct iovec pieces[MESSAGE_PARTS + 2];
    int count = 0;
    va_list texts;

    pieces[count++] = piece("bailey-init: ");
    va_start(texts, first);
    for (const char *text = first; text && count <= MESSAGE_PARTS; text = va_arg(texts, const char *))
        pieces[count++] = piece(text);
    va_end(texts);
    pieces[count++] = piece("\n");
    /* There is nobody left to tell when standard error itself fails. */
    if (writev(STDERR_FILENO, pieces, count) < 0)
        return;
}

int print(const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t written = write(STDOUT_FILENO, text, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        text += written;
        left -= (size_t)written;
    }
    return 0;
}

const char *number(int value, char *room)
{
    char *at = room + NUMBER_SIZE - 1;
    unsigned int rest = value < 0 ? 0u - (unsigned int)value : (unsigned int)value;

    *at = '\0';
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        *--at = '-';
    return at;
}
