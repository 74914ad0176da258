/*
 * Reads the command line and the environment by the tables of a dialect (dialect.h). libc's getopt_long() is not used,
 * because it links stdio.
 */
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "message.h"

/* The next argument to read. */
struct position {
    char **argument;
    const char *letters; /* the unread letters of an argument such as -vg; null: none of it is read yet */
};

static int report_wrong_usage(const struct settings *settings, enum event event, const struct message_fields *fields)
{
    const struct dialect *dialect = settings->dialect;

    const char *below = event == WRONG_VALUE ? dialect->after_wrong_value : dialect->after_mistake;

    print_message(settings, event, fields);
    if (below)
        (void)write_all(STDERR_FILENO, below);
    return dialect->wrong_usage;
}

/* Prints the text of an option such as --help. */
static int print_text(const struct option *option)
{
    return write_all(option->to_stderr ? STDERR_FILENO : STDOUT_FILENO, option->text) == 0 ? EX_OK : EX_IOERR;
}

static bool is_true(const char *word)
{
    return strcmp(word, "1") == 0 || strcmp(word, "true") == 0 || strcmp(word, "yes") == 0 || strcmp(word, "on") == 0;
}

static bool is_false(const char *word)
{
    return strcmp(word, "0") == 0 || strcmp(word, "false") == 0 || strcmp(word, "no") == 0 || strcmp(word, "off") == 0;
}

/*
 * Each option has a variable, because the command line of an image is often fixed. An empty variable counts as unset.
 */
static int read_option_variables(struct settings *settings)
{
    for (const struct option *option = settings->dialect->options; option->name || option->letter; option++) {
        const char *value = option->variable ? getenv(option->variable) : NULL;

        if (!value || *value == '\0' || (!option->hint && is_false(value)))
            continue;
        if ((option->hint || is_true(value)) && option->set(settings, value))
            continue;
        const char *hint = option->hint ? option->hint : "1 or 0";
        return report_wrong_usage(settings, WRONG_VALUE, &(struct message_fields){.name = option->variable, .detail = value, .hint = hint});
    }
    return RUN_PROGRAM;
}

static int read_variables(struct settings *settings)
{
    for (const struct variable *variable = settings->dialect->variables; variable && variable->name; variable++) {
        const char *value = getenv(variable->name);

        if (!value || (variable->presence == WHEN_EQUAL && strcmp(value, variable->equal) != 0))
            continue;
        if (!variable->set(settings, value))
            return report_wrong_usage(settings, WRONG_VALUE, &(struct message_fields){.name = variable->name, .detail = value});
    }
    return RUN_PROGRAM;
}

/*
 * Returns how many characters of the argument are the name of the option, or its beginning if it may be abbreviated;
 * else 0.
 */
static size_t match(const struct option *option, const char *argument, size_t length, bool may_abbreviate)
{
    if (!option->name || length <= 2 || strncmp(option->name, argument, length) != 0)
        return 0;
    return option->name[length] == '\0' || may_abbreviate ? length : 0;
}

static const struct option *find_name(const struct dialect *dialect, const char *argument, size_t length)
{
    const struct option *found = NULL;

    for (const struct option *option = dialect->options; option->name || option->letter; option++) {
        if (!match(option, argument, length, dialect->abbreviates))
            continue;
        if (option->name[length] == '\0')
            return option;
        if (found)
            return NULL; /* ambiguous */
        found = option;
    }
    return found;
}

static const struct option *find_letter(const struct dialect *dialect, char letter)
{
    for (const struct option *option = dialect->options; option->name || option->letter; option++)
        if (option->letter == letter)
            return option;
    return NULL;
}

/*
 * Finds the option at the position and advances the position past it.
 * @param value becomes its value; null when it takes none, or when it is missing
 * @return null for an unknown option
 */
static const struct option *next_option(const struct dialect *dialect, struct position *position, const char **value)
{
    const struct option *option;
    const char *rest;

    *value = NULL;
    if (!position->letters && (*position->argument)[1] == '-') {
        const char *name = *position->argument;
        const size_t length = strcspn(name, "=");

        option = find_name(dialect, name, length);
        rest = name[length] == '=' ? name + length + 1 : NULL;
        if (option && rest && !option->hint)
            option = NULL;
    } else {
        const char *letter = position->letters ? position->letters : *position->argument + 1;

        option = find_letter(dialect, *letter);
        rest = letter[1] != '\0' ? letter + 1 : NULL;
        if (option && !option->hint) {
            position->letters = rest;
            position->argument += rest == NULL;
            return option;
        }
    }
    if (!option)
        return NULL;
    position->letters = NULL;
    position->argument++;
    if (option->hint)
        *value = rest ? rest : *position->argument ? *position->argument++ : NULL;
    return option;
}

static int read_arguments(struct settings *settings, struct position *position)
{
    const struct dialect *dialect = settings->dialect;

    while (position->letters || (*position->argument && **position->argument == '-' && (*position->argument)[1] != '\0')) {
        const char *argument = *position->argument;
        const char *name, *value;

        if (!position->letters && strcmp(argument, "--") == 0) {
            position->argument++;
            break;
        }
        const struct option *option = next_option(dialect, position, &value);
        if (!option)
            return report_wrong_usage(settings, WRONG_OPTION, &(struct message_fields){.name = argument});
        name = option->name && argument[1] == '-' ? option->name : argument;
        if (option->hint && !value)
            return report_wrong_usage(settings, MISSING_VALUE, &(struct message_fields){.name = name, .hint = option->hint});
        if (!option->set)
            return print_text(option);
        if (!option->set(settings, value))
            return report_wrong_usage(settings, WRONG_VALUE,
                           &(struct message_fields){.name = name, .detail = value, .hint = option->hint});
    }
    return RUN_PROGRAM;
}

/*
 * Rewrites terminal stops to SIGSTOP unless a rule rewrites them: the program runs in its own session, in whose
 * orphaned process group terminal stops have no effect.
 */
static void rewrite_terminal_stops(struct settings *settings)
{
    for (int signal = 1; signal <= LAST_SIGNAL; signal++)
        if (TERMINAL_STOPS & signal_bit(signal) && settings->forwarded_as[signal] == signal)
            settings->forwarded_as[signal] = SIGSTOP;
}

static void set_defaults(struct settings *settings, const struct dialect *dialect)
{
    settings->dialect = dialect;
    settings->behavior = dialect->behavior;
    settings->program = NULL;
    settings->secret_names = NULL;
    for (int signal = 0; signal <= LAST_SIGNAL; signal++)
        settings->forwarded_as[signal] =
            signal > 0 && dialect->behavior.dropped & signal_bit(signal) ? 0 : (uint8_t)signal;
    for (int code = 0; code < 256; code++)
        settings->exit_as[code] = (uint8_t)code;
}

int read_options(int argc, char **argv, struct settings *settings)
{
    const struct dialect *dialect = dialect_of(argv[0]);
    struct position position = {.argument = argc > 0 ? argv + 1 : argv};
    int code;

    set_defaults(settings, dialect);
    const struct option *version = find_letter(dialect, VERSION_ALONE);
    if (version && argc == 2 && strcmp(argv[1], "--version") == 0)
        return print_text(version);
    if ((code = read_option_variables(settings)) != RUN_PROGRAM || (code = read_arguments(settings, &position)) != RUN_PROGRAM ||
        (code = read_variables(settings)) != RUN_PROGRAM)
        return code;
    if (settings->behavior.stop_together)
        rewrite_terminal_stops(settings);
    if (!*position.argument && !settings->behavior.pause_only)
        return report_wrong_usage(settings, NO_PROGRAM, NULL);
    settings->program = position.argument;
    return RUN_PROGRAM;
}
