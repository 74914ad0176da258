/*
 * Fuzzes the command line and the environment in every dialect, with libFuzzer: make -C native fuzz
 *
 * The input has lines: argv[0], then the arguments. A line that begins with $ is an environment variable. corpus/ has
 * examples.
 */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "../init/dialect.h"
#include "../init/message.h"
#include "../init/options.h"
#include "../init/wipe_secrets.h"

enum { LONGEST = 4096, WORDS = 256 };

struct words {
    char *words[WORDS + 1]; /* ended by a null pointer */
    int count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "this does not hold: %s\n", what);
    abort();
}

/* Splits the text into lines. */
static void split(char *text, struct words *arguments, struct words *variables)
{
    char *rest = text;

    arguments->count = variables->count = 0;
    while (rest) {
        char *line = strsep(&rest, "\n");
        struct words *list = *line == '$' ? variables : arguments;

        if (list->count < WORDS)
            list->words[list->count++] = *line == '$' ? line + 1 : line;
    }
    arguments->words[arguments->count] = variables->words[variables->count] = NULL;
}

static void check_signals(const struct settings *settings)
{
    check(settings->forwarded_as[0] == 0, "signal 0 is nothing");
    for (int signal = 1; signal <= LAST_SIGNAL; signal++)
        check(settings->forwarded_as[signal] <= LAST_SIGNAL, "a signal becomes a signal or nothing");
    check(settings->behavior.parent_death_signal >= 0 && settings->behavior.parent_death_signal <= LAST_SIGNAL,
          "the signal of our parent's end is one");
}

static void check_manner(const struct behavior *behavior)
{
    check(behavior->verbosity >= ERROR && behavior->verbosity <= DETAIL, "verbosity");
    check(behavior->reaping >= REAP_AUTO && behavior->reaping <= REAP_WAIT, "reaping");
    check(behavior->subreaper >= SUBREAPER_AUTO && behavior->subreaper <= SUBREAPER_NEVER, "adoption");
    check(behavior->isolation >= SAME_GROUP && behavior->isolation <= OWN_SESSION, "isolation");
    /* poll(2) and time_left() use int. */
    check(behavior->grace_ms <= INT32_MAX && behavior->stop_ms <= INT32_MAX, "times fit an int");
}

/* The program is the rest of the arguments. */
static void check_program(const struct settings *settings, const struct words *arguments)
{
    const ptrdiff_t at = settings->program - (char **)arguments->words;

    check(at >= 0 && at <= arguments->count, "the program is among the arguments");
    check(at > 0 || arguments->count == 0, "the program isn't our own name");
    check(settings->program[0] || settings->behavior.pause_only, "there is something to do");
    const char *first = settings->program[0];
    if (!first || at == 0)
        return;
    const char *before = at > 1 ? arguments->words[at - 1] : "";
    check(strcmp(before, "--") == 0 || *first != '-' || first[1] == '\0', "options end where none is");
}

/* Messages are few lines, whatever the arguments contain. */
static void tell_all(const struct settings *settings)
{
    struct settings loud = *settings;
    const char *name = settings->program[0] ? settings->program[0] : "";

    loud.behavior.verbosity = DETAIL;
    for (enum event event = WRONG_OPTION; event < EVENTS; event++)
        print_message(&loud, event, &(struct message_fields){name, name, name, INT32_MIN, settings->forwarded_as[1], -1, 0});
}

/* -- before the program changes nothing. */
static void check_again(const struct settings *settings, const struct words *arguments)
{
    const ptrdiff_t at = settings->program - (char **)arguments->words;
    struct settings again;
    struct words more = {.count = 0};

    if (at < 1 || at == arguments->count || arguments->count == WORDS ||
        (at > 1 && strcmp(arguments->words[at - 1], "--") == 0))
        return;
    for (int i = 0; i <= arguments->count; i++) {
        if (i == at)
            more.words[more.count++] = "--";
        more.words[more.count++] = arguments->words[i];
    }
    more.count--;
    check(read_options(more.count, more.words, &again) == RUN_PROGRAM, "-- is taken");
    check(again.program == more.words + at + 1, "-- ends the options");
    check(memcmp(&again.behavior, &settings->behavior, sizeof again.behavior) == 0 &&
              memcmp(again.exit_as, settings->exit_as, sizeof again.exit_as) == 0 &&
              memcmp(again.forwarded_as, settings->forwarded_as, sizeof again.forwarded_as) == 0,
          "-- changes no setting");
}

/* Secrets are overwritten in place: every argument keeps its length. */
static void check_forgetting(const struct settings *settings, const struct words *words, const char *before,
                             const char *text)
{
    if (!settings->secret_names || !settings->program[0])
        return;
    wipe_secrets(settings->secret_names, settings->program);
    for (int i = 0; i < words->count; i++) {
        const char *word = words->words[i];

        check(strlen(word) == strcspn(before + (word - text), "\n"), "a wiped word is as long as before");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[LONGEST + 1], before[LONGEST + 1], input[LONGEST + 1];
    static struct words arguments, variables;
    char **const own = environ;
    struct settings settings;

    if (size > LONGEST)
        return -1;
    memcpy(text, data, size);
    text[size] = '\0';
    memcpy(input, text, size + 1);
    split(text, &arguments, &variables);
    memcpy(before, text, size + 1);

    environ = variables.words;
    const int code = read_options(arguments.count, arguments.words, &settings);
    check(settings.dialect == dialect_of(arguments.words[0]), "the dialect is that of the name");
    check(memcmp(text, before, size + 1) == 0, "arguments and environment stay as they are");
    if (code == RUN_PROGRAM) {
        check_signals(&settings);
        check_manner(&settings.behavior);
        check_program(&settings, &arguments);
        check_again(&settings, &arguments);
        tell_all(&settings);
        check_forgetting(&settings, &arguments, input, text);
        check_forgetting(&settings, &variables, input, text);
    } else {
        check(code == EX_OK || code == EX_IOERR || code == settings.dialect->wrong_usage, "a known exit code");
    }
    environ = own;
    return 0;
}
