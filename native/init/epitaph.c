/* See epitaph.h. */
#include "epitaph.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup_memory.h"
#include "message.h"
#include "parse_values.h"

/* The signals that ordinarily request a program to end. They cause no epitaph. */
static const signal_set ordinary = 1ull << (SIGHUP - 1) | 1ull << (SIGINT - 1) | 1ull << (SIGTERM - 1) |
                                   1ull << (SIGPIPE - 1);

static const char termination_log[] = "/dev/termination-log";

enum { LENGTH = 320 };

struct text {
    char letters[LENGTH];
    size_t length;
};

static void add(struct text *text, const char *more)
{
    const size_t length = strlen(more);
    const size_t room = sizeof text->letters - 1 - text->length;

    memcpy(text->letters + text->length, more, length < room ? length : room);
    text->length += length < room ? length : room;
    text->letters[text->length] = '\0';
}

/* Replaces control characters, which could end the line or change the terminal. A char is signed on x86 only. */
static void add_printable(struct text *text, const char *name, size_t most)
{
    for (; *name != '\0' && most-- > 0; name++) {
        const bool control = (unsigned char)*name < ' ' || *name == '\x7f';

        add(text, control ? "?" : (const char[]){*name, '\0'});
    }
}

static void add_number(struct text *text, int value)
{
    char room[NUMBER_SIZE];

    add(text, format_number(value, room));
}

static void add_mebibytes(struct text *text, const char *before, uint64_t bytes)
{
    add(text, before);
    add_number(text, (int)((bytes + (1u << 20) / 2) >> 20));
    add(text, " MiB");
}

static void add_signal(struct text *text, int signal)
{
    const char *name = signal_name(signal);

    add(text, name ? name : "signal ");
    if (!name)
        add_number(text, signal);
}

static void add_memory(struct text *text, const struct cgroup_memory *memory)
{
    add(text, ", by the out-of-memory killer");
    if (memory->limit > 0)
        add_mebibytes(text, ": limit ", memory->limit);
    if (memory->peak > 0)
        add_mebibytes(text, memory->limit > 0 ? ", peak " : ": peak ", memory->peak);
}

/* Writes only if the file exists and is empty, because a message of the program is more useful. */
static void write_termination_log(const char *text)
{
    struct stat about;
    const int fd = open(termination_log, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size == 0)
        (void)write_all(fd, text);
    close(fd);
}

void write_epitaph(const struct settings *settings, const struct child *child, int status,
                   const struct forwarding *forwarding)
{
    struct cgroup_memory memory;
    struct text text = {.length = 0};

    if (!settings->behavior.epitaph || !WIFSIGNALED(status) ||
        (forwarding->forwarded | ordinary) & signal_bit(WTERMSIG(status)))
        return;
    add(&text, "bailey-init: '");
    /* The name is truncated, so that the rest of the line fits. */
    add_printable(&text, settings->program[0], LENGTH / 2);
    add(&text, "' (process ");
    add_number(&text, child->pid);
    add(&text, ") was ended by ");
    add_signal(&text, WTERMSIG(status));
    if (WCOREDUMP(status))
        add(&text, ", core dumped");
    if (WTERMSIG(status) == SIGKILL && read_cgroup_memory(&memory) && memory.kills > 0)
        add_memory(&text, &memory);
    add(&text, "\n");
    if (can_write_now(STDERR_FILENO))
        (void)write_all(STDERR_FILENO, text.letters);
    write_termination_log(text.letters);
}
