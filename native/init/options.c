/* The command line of bailey-init. By hand: libc's getopt_long() pulls in stdio. */
#include "options.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "message.h"

static const char help[] =
    "Usage: bailey-init [options] [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM as the first process of a container: forwards every signal to it, leaves no\n"
    "zombie behind, and ends as it ends. When it isn't process 1, it becomes a subreaper.\n"
    "\n"
    "Options (they stop at the first argument that isn't one):\n"
    "  --reap WAY   how orphans are reaped: kernel (Linux 6.15 or newer: they never become\n"
    "               zombies, and bailey-init isn't woken), wait (collect each), auto (kernel\n"
    "               where it works, else wait). Default: auto, or BAILEY_REAP.\n"
    "  --help       this text\n"
    "  --version    the version\n"
    "\n"
    "Exit code: PROGRAM's own; 128+n when signal n ended it; 127 PROGRAM not found; 126 found,\n"
    "but it cannot be executed; 64 wrong command line; 70 PROGRAM's exit code was lost; 71 no\n"
    "process could be created.\n";

static const char try_help[] = "; try --help";

static bool set_reaping(const char *word, enum reaping *reaping)
{
    if (strcmp(word, "auto") == 0)
        *reaping = REAP_AUTO;
    else if (strcmp(word, "kernel") == 0)
        *reaping = REAP_KERNEL;
    else if (strcmp(word, "wait") == 0)
        *reaping = REAP_WAIT;
    else
        return false;
    return true;
}

/* A container's image often fixes the command line, so the environment can say it too; empty means not set. */
static bool read_environment(struct options *options)
{
    const char *word = getenv("BAILEY_REAP");

    if (!word || *word == '\0' || set_reaping(word, &options->reaping))
        return true;
    say("BAILEY_REAP is '", word, "', but must be auto, kernel or wait", try_help, NULL);
    return false;
}

/* The value of a long option in either spelling, `--name VALUE` or `--name=VALUE`; null when it isn't that option. */
static const char *option_value(char ***argument, const char *name)
{
    size_t length = strlen(name);
    const char *text = **argument;

    if (strncmp(text, name, length) != 0)
        return NULL;
    if (text[length] == '=')
        return text + length + 1;
    if (text[length] != '\0')
        return NULL;
    if ((*argument)[1] == NULL)
        return "";
    return *++*argument;
}

static int answer(const char *text)
{
    return print(text) == 0 ? EX_OK : EX_IOERR;
}

int read_options(char **argv, struct options *options)
{
    char **argument = argv[0] ? argv + 1 : argv;
    const char *value;

    options->reaping = REAP_AUTO;
    if (!read_environment(options))
        return EX_USAGE;
    for (; *argument && **argument == '-' && (*argument)[1] != '\0'; argument++) {
        if (strcmp(*argument, "--") == 0) {
            argument++;
            break;
        }
        if (strcmp(*argument, "--help") == 0)
            return answer(help);
        if (strcmp(*argument, "--version") == 0)
            return answer("bailey-init " BAILEY_VERSION "\n");
        if ((value = option_value(&argument, "--reap"))) {
            if (set_reaping(value, &options->reaping))
                continue;
            say("--reap needs auto, kernel or wait, not '", value, "'", try_help, NULL);
            return EX_USAGE;
        }
        say("unknown option '", *argument, "'", try_help, NULL);
        return EX_USAGE;
    }
    if (!*argument) {
        say("no program to run was given", try_help, NULL);
        return EX_USAGE;
    }
    options->program = argument;
    return RUN_PROGRAM;
}
