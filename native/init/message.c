/* See message.h. Without stdio, whose buffers and tables would be resident pages of PID 1. */
#include "message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "parse_values.h"

enum { PIECES = 24, NUMBERS = 6 };

/* How long can_write_now waits for a slow reader. */
enum { READER_MS = 500 };

struct line {
    struct iovec pieces[PIECES];
    int count;
    char numbers[NUMBERS][NUMBER_SIZE];
    int numbered;
};

static void add(struct line *line, const char *text, size_t length)
{
    if (line->count < PIECES)
        line->pieces[line->count++] = (struct iovec){.iov_base = (char *)text, .iov_len = length};
}

static void add_text(struct line *line, const char *text)
{
    if (text)
        add(line, text, strlen(text));
}

static void add_number(struct line *line, int value)
{
    if (line->numbered < NUMBERS)
        add_text(line, format_number(value, line->numbers[line->numbered++]));
}

static void add_signal(struct line *line, int signal)
{
    const char *name = signal_name(signal);

    if (name) {
        add_text(line, name);
        return;
    }
    add_text(line, "signal ");
    add_number(line, signal);
}

/* dialect.h has the list of directives. */
static void add_directive(struct line *line, char directive, const char *level, const struct message_fields *fields)
{
    switch (directive) {
    case 'n': add_text(line, fields->name); break;
    case 'd': add_text(line, fields->detail); break;
    case 'h': add_text(line, fields->hint); break;
    case 'p': add_number(line, fields->pid); break;
    case 's': add_number(line, fields->signal); break;
    case 'S': add_signal(line, fields->signal); break;
    case 'c': add_number(line, fields->code); break;
    case 'e': add_text(line, strerror(fields->error)); break;
    case 'q': add_number(line, getpid()); break;
    case 'l': add_text(line, level); break;
    }
}

static void add_expanded(struct line *line, const char *text, const char *level, const struct message_fields *fields)
{
    for (;;) {
        const size_t plain = strcspn(text, "%");

        add(line, text, plain);
        text += plain;
        if (text[0] == '\0' || text[1] == '\0')
            return;
        add_directive(line, text[1], level, fields);
        text += 2;
    }
}

bool can_write_now(int fd)
{
    static bool stuck;
    struct pollfd reader = {.fd = fd, .events = POLLOUT};
    const int ready = poll(&reader, 1, stuck ? 0 : READER_MS);

    stuck = ready == 0;
    return !stuck;
}

void print_message(const struct settings *settings, enum event event, const struct message_fields *fields)
{
    static const struct message_fields none;
    const struct dialect *dialect = settings->dialect;
    const struct message_text *message = message_of(dialect, event);
    struct line line;

    if (!message || !message->text || message->level > settings->behavior.verbosity)
        return;
    line.count = 0;
    line.numbered = 0;
    add_expanded(&line, dialect->prefix, dialect->levels[message->level], fields ? fields : &none);
    add_expanded(&line, message->text, NULL, fields ? fields : &none);
    add(&line, "\n", 1);
    const int fd = message->level >= INFO && dialect->information_on_stdout ? STDOUT_FILENO : STDERR_FILENO;
    /* A failure cannot be reported anywhere. */
    if (can_write_now(fd) && writev(fd, line.pieces, line.count) < 0)
        return;
}

int write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t written = write(fd, text, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        text += written;
        left -= (size_t)written;
    }
    return 0;
}

const char *format_number(int value, char *room)
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
