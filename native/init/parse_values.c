/* See parse_values.h. libc's strtol() is not used, because it accepts blanks, signs and other bases. */
#include "parse_values.h"

#include <signal.h>
#include <string.h>

#include "signal_set.h"

static const char names[][10] = {
    [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",       [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
    [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",     [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
    [SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
    [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM", [SIGSTKFLT] = "SIGSTKFLT",
    [SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT",     [SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP",
    [SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU",     [SIGURG] = "SIGURG",   [SIGXCPU] = "SIGXCPU",
    [SIGXFSZ] = "SIGXFSZ", [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",
    [SIGIO] = "SIGIO",     [SIGPWR] = "SIGPWR",       [SIGSYS] = "SIGSYS",
};
enum { NAMES = sizeof names / sizeof *names };

/* The kernel's first real-time signal is 32, but both libcs use two themselves and have SIGRTMIN at 34. */
enum { FIRST_REAL_TIME = 34 };

bool parse_number(const char *text, const char **end, uint32_t most, uint32_t *number)
{
    uint64_t value = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9' && value <= most; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    *end = at;
    *number = (uint32_t)value;
    return at > text && value <= most;
}

/* Whether the text begins with this word; if so, end is set to the first character after the word. */
static bool begins_with(const char *text, const char *word, const char **end)
{
    const size_t length = strlen(word);

    if (strncmp(text, word, length) != 0)
        return false;
    *end = text + length;
    return true;
}

static bool ends_a_word(const char *text)
{
    return !((*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9') || *text == '+' || *text == '-');
}

static int read_real_time(const char *text, const char **end)
{
    uint32_t offset = 0;
    const bool from_start = begins_with(text, "RTMIN", end);

    if (!from_start && !begins_with(text, "RTMAX", end))
        return 0;
    if (ends_a_word(*end))
        return from_start ? FIRST_REAL_TIME : LAST_SIGNAL;
    if (**end != (from_start ? '+' : '-') ||
        !parse_number(*end + 1, end, LAST_SIGNAL - FIRST_REAL_TIME, &offset) || !ends_a_word(*end))
        return 0;
    return from_start ? FIRST_REAL_TIME + (int)offset : LAST_SIGNAL - (int)offset;
}

int parse_signal(const char *text, const char **end)
{
    uint32_t number;

    if (parse_number(text, end, LAST_SIGNAL, &number))
        return (int)number;
    (void)begins_with(text, "SIG", &text);
    for (int named = 1; named < NAMES; named++)
        if (*names[named] && begins_with(text, names[named] + 3, end) && ends_a_word(*end))
            return named;
    return read_real_time(text, end);
}

bool parse_duration(const char *text, uint32_t *milliseconds)
{
    static const struct {
        const char *name;
        uint32_t milliseconds;
    } units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}, {"h", 3600000}};
    const uint32_t most = INT32_MAX;
    const char *unit;
    uint32_t number;

    if (!parse_number(text, &unit, most, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].name) == 0 && number <= most / units[i].milliseconds) {
            *milliseconds = number * units[i].milliseconds;
            return true;
        }
    return false;
}

const char *signal_name(int number)
{
    return number > 0 && number < NAMES && *names[number] ? names[number] : NULL;
}
