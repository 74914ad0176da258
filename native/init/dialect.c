/*
 * The dialects: that of bailey-init, and those of tini, dumb-init and catatonit, which it replaces. The messages are
 * those of bailey-init, except texts that scripts and the test suites of these programs search for.
 */
#include "dialect.h"

#include <stddef.h>
#include <string.h>
#include <sysexits.h>

#include "bailey_options.h"
#include "help_texts.h"
#include "parse_values.h"

static bool set_reaping(struct settings *settings, const char *value)
{
    static const char *const words[] = {[REAP_AUTO] = "auto", [REAP_KERNEL] = "kernel", [REAP_WAIT] = "wait"};

    for (enum reaping way = REAP_AUTO; way <= REAP_WAIT; way++)
        if (strcmp(value, words[way]) == 0) {
            settings->behavior.reaping = way;
            return true;
        }
    return false;
}

static bool set_subreaper(struct settings *settings, const char *value)
{
    static const char *const words[] = {[SUBREAPER_AUTO] = "auto", [SUBREAPER_REQUIRED] = "always", [SUBREAPER_NEVER] = "never"};

    for (enum subreaper subreaper = SUBREAPER_AUTO; subreaper <= SUBREAPER_NEVER; subreaper++)
        if (strcmp(value, words[subreaper]) == 0) {
            settings->behavior.subreaper = subreaper;
            return true;
        }
    return false;
}

/* CODE or CODE:CODE, separated by commas: exit with 0, or with the second code, in place of the first. */
static bool set_remap(struct settings *settings, const char *value)
{
    for (;;) {
        uint32_t from, to = 0;

        if (!parse_number(value, &value, 255, &from))
            return false;
        if (*value == ':' && !parse_number(value + 1, &value, 255, &to))
            return false;
        settings->exit_as[from] = (uint8_t)to;
        if (*value != ',')
            return *value == '\0';
        value++;
    }
}

/*
 * The other programs read numbers with strtol(3) and scanf(3), which skip blanks: ENTRYPOINT ["tini", "-e 143", "--"]
 * makes a value that begins with a blank.
 */
static const char *skip_blanks(const char *value)
{
    value += strspn(value, " \t\n\v\f\r");
    return value + (*value == '+');
}

static bool rewrite(struct settings *settings, const char *value, int last)
{
    for (;;) {
        const char *behind;
        uint32_t nothing;
        const int from = parse_signal(value, &behind);

        if (from == 0 || from > last || *behind != ':')
            return false;
        value = behind + 1;
        const int to = parse_signal(value, &behind);
        if (to > last || (to == 0 && !parse_number(value, &behind, 0, &nothing)))
            return false;
        value = behind;
        settings->forwarded_as[from] = (uint8_t)to;
        if (*value != ',')
            return *value == '\0';
        value++;
    }
}

static bool set_rewrite(struct settings *settings, const char *value)
{
    return rewrite(settings, value, LAST_SIGNAL);
}

static bool set_standard_rewrite(struct settings *settings, const char *value)
{
    return rewrite(settings, skip_blanks(value), SIGSYS);
}

static bool set_grace(struct settings *settings, const char *value)
{
    return parse_duration(value, &settings->behavior.grace_ms);
}

static bool set_stop_timeout(struct settings *settings, const char *value)
{
    return parse_duration(value, &settings->behavior.stop_ms);
}

static bool set_parent_death_signal(struct settings *settings, const char *value)
{
    const char *end;

    if (strncmp(value, "SIG", 3) != 0)
        return false;
    settings->behavior.parent_death_signal = parse_signal(value, &end);
    return settings->behavior.parent_death_signal != 0 && *end == '\0';
}

static bool set_code_of_success(struct settings *settings, const char *value)
{
    const char *end;
    uint32_t code;

    if (!parse_number(skip_blanks(value), &end, 255, &code) || *end != '\0')
        return false;
    settings->exit_as[code] = 0;
    return true;
}

static bool set_verbosity(struct settings *settings, const char *value)
{
    const char *end;
    uint32_t verbosity;

    (void)parse_number(value, &end, 9, &verbosity);
    settings->behavior.verbosity = verbosity > DETAIL ? DETAIL : (enum level)verbosity;
    return true;
}

static bool be_more_verbose(struct settings *settings, const char *value)
{
    (void)value;
    if (settings->behavior.verbosity < DETAIL)
        settings->behavior.verbosity++;
    return true;
}

static bool be_verbose(struct settings *settings, const char *value)
{
    (void)value;
    settings->behavior.verbosity = DETAIL;
    return true;
}

static bool set_to_group(struct settings *settings, const char *value)
{
    (void)value;
    settings->behavior.to_group = true;
    return true;
}

static bool set_single_child(struct settings *settings, const char *value)
{
    (void)value;
    settings->behavior.isolation = SAME_GROUP;
    settings->behavior.to_group = false;
    settings->behavior.stop_together = false;
    return true;
}

static bool require_subreaper(struct settings *settings, const char *value)
{
    (void)value;
    settings->behavior.subreaper = SUBREAPER_REQUIRED;
    return true;
}

static bool set_wait_all(struct settings *settings, const char *value)
{
    (void)value;
    settings->behavior.wait_all = true;
    return true;
}

static bool set_pause(struct settings *settings, const char *value)
{
    (void)value;
    settings->behavior.pause_only = true;
    return true;
}

static bool set_expect_term(struct settings *settings, const char *value)
{
    (void)value;
    settings->behavior.expect_term = true;
    return true;
}

static bool set_warn(struct settings *settings, const char *value)
{
    (void)value;
    settings->behavior.warn_orphans = true;
    return true;
}

static bool set_no_epitaph(struct settings *settings, const char *value)
{
    (void)value;
    settings->behavior.epitaph = false;
    return true;
}

static bool set_secret_names(struct settings *settings, const char *value)
{
    settings->secret_names = value;
    return *value != '\0';
}

static const struct option bailey_options[] = {
    BAILEY_OPTION_ROWS
    {0},
};

static const struct option tini_options[] = {
    {.letter = VERSION_ALONE, .text = tini_version},
    {.letter = 'h', .text = tini_help},
    {.letter = 'l', .text = licence},
    {.letter = 's', .set = require_subreaper},
    {.letter = 'p', .set = set_parent_death_signal, .hint = "SIGTERM or another signal's whole name"},
    {.letter = 'v', .set = be_more_verbose},
    {.letter = 'w', .set = set_warn},
    {.letter = 'g', .set = set_to_group},
    {.letter = 'e', .set = set_code_of_success, .hint = "0 to 255"},
    {0},
};

static const struct variable tini_variables[] = {
    {"TINI_SUBREAPER", WHEN_PRESENT, NULL, require_subreaper},
    {"TINI_KILL_PROCESS_GROUP", WHEN_PRESENT, NULL, set_to_group},
    {"TINI_VERBOSITY", WITH_ITS_VALUE, NULL, set_verbosity},
    {0},
};

static const struct option dumb_init_options[] = {
    {.name = "--help", .letter = 'h', .text = dumb_init_help, .to_stderr = true},
    {.name = "--verbose", .letter = 'v', .set = be_verbose},
    {.name = "--version", .letter = 'V', .text = dumb_init_version, .to_stderr = true},
    {.name = "--single-child", .letter = 'c', .set = set_single_child},
    {.name = "--rewrite", .letter = 'r', .set = set_standard_rewrite,
     .hint = "SIGNAL:SIGNAL, numbers from 1 to 31, or 0 to drop it"},
    {0},
};

static const struct variable dumb_init_variables[] = {
    {"DUMB_INIT_DEBUG", WHEN_EQUAL, "1", be_verbose},
    {"DUMB_INIT_SETSID", WHEN_EQUAL, "0", set_single_child},
    {0},
};

static const struct option catatonit_options[] = {
    {.letter = 'g', .set = set_to_group},
    {.letter = 'h', .text = catatonit_help, .to_stderr = true},
    {.letter = 'L', .text = licence},
    {.letter = 'P', .set = set_pause},
    {.name = "--version", .letter = 'V', .text = catatonit_version},
    {0},
};

static const struct variable catatonit_variables[] = {
    {"CATATONIT_DEBUG", WHEN_PRESENT, NULL, be_verbose},
    {0},
};

/* The messages of all dialects that do not replace them. */
static const struct message_text common_messages[] = {
    {WRONG_OPTION, ERROR, "unknown option '%n'"},
    {WRONG_VALUE, ERROR, "%n needs %h, not '%d'"},
    {MISSING_VALUE, ERROR, "%n needs %h"},
    {NO_PROGRAM, ERROR, "no program to run was given"},
    {NOT_FOUND, ERROR, "'%n' cannot be executed: %e"},
    {NOT_EXECUTABLE, ERROR, "'%n' cannot be executed: %e"},
    {NO_INTERPRETER, ERROR, "'%n' exists, but its interpreter or loader does not"},
    {NO_PROCESS, ERROR, "no process could be created for '%n': %e"},
    {SUBREAPER_FAILED, WARNING, "not process 1 and cannot become a subreaper, so orphans go to another process: %e"},
    {NO_KERNEL_REAPING, WARNING, "the kernel cannot reap (%d), using waitpid"},
    {STATUS_LOST, ERROR, "the exit status of '%n' is lost: the kernel did not report it"},
    {GROUP_NOT_CHANGED, WARNING, "the program stays in the process group of bailey-init: %e"},
    {FOREGROUND_NOT_TAKEN, WARNING, "the program stays in the background of the terminal: %e"},
    {TERMINAL_NOT_ACQUIRED, INFO, "the program has no controlling terminal: %e"},
    {NOT_FORWARDED, WARNING, "cannot forward %S to process %p: %e"},
    {FOLDER_NOT_LEFT, WARNING, "cannot change the working directory to /: %e"},
    {STARTED, INFO, "started '%n' as process %p"},
    {FORWARDED, DETAIL, "%S forwarded to process %p"},
    {REAPED, DETAIL, "reaped process %p, exit code %c"},
    {REAPED_KILLED, DETAIL, "reaped process %p, ended by %S"},
    {ORPHAN_REAPED, WARNING, "reaped orphan %p"},
    {PROGRAM_EXITED, INFO, "process %p has ended with exit code %c"},
    {PROGRAM_KILLED, INFO, "process %p was ended by %S"},
    {STOP_TIMED_OUT, WARNING, "process %p did not end in time after SIGTERM, sending SIGKILL"},
    {GRACE_BEGINS, INFO, "sending SIGTERM to the remaining processes"},
    {GRACE_IS_OVER, WARNING, "the grace period is over, sending SIGKILL to the remaining processes"},
    {PROCESSES_REMAIN, WARNING, "some processes cannot be killed and remain"},
    {EVENTS, ERROR, NULL},
};

static const struct message_text bailey_messages[] = {
    {WRONG_OPTION, ERROR, "unknown option '%n'; see --help"},
    {WRONG_VALUE, ERROR, "%n needs %h, not '%d'; see --help"},
    {MISSING_VALUE, ERROR, "%n needs %h; see --help"},
    {NO_PROGRAM, ERROR, "no program to run was given; see --help"},
    {EVENTS, ERROR, NULL},
};

/* tini's test suite and scripts search for the texts of NOT_SUBREAPER and ORPHAN_REAPED. */
static const struct message_text tini_messages[] = {
    {NOT_SUBREAPER, WARNING,
     "neither process 1 nor a subreaper: orphans go elsewhere, and zombie reaping won't work; use -s or TINI_SUBREAPER"},
    {SUBREAPER_FAILED, ERROR, "cannot become a subreaper: %e"},
    {NOT_FOUND, ERROR, "exec %n failed: %e"},
    {NOT_EXECUTABLE, ERROR, "exec %n failed: %e"},
    {NO_INTERPRETER, ERROR, "exec %n failed: %e"},
    {ORPHAN_REAPED, WARNING, "Reaped zombie process with pid=%p"},
    {NO_PROGRAM, ERROR, NULL},
    {EVENTS, ERROR, NULL},
};

/* dumb-init's test suite compares the messages of the debug mode line by line. */
static const struct message_text dumb_init_messages[] = {
    {WRONG_VALUE, ERROR, NULL},
    {NOT_FOUND, ERROR, "%n: %e"},
    {NOT_EXECUTABLE, ERROR, "%n: %e"},
    {NO_INTERPRETER, ERROR, "%n: %e"},
    {DETACHED, DETAIL, "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."},
    {TERMINAL_NOT_ACQUIRED, DETAIL, "Unable to attach to controlling tty (%e)."},
    {STARTED, DETAIL, "Child spawned with PID %p."},
    {ISOLATED, DETAIL, "setsid complete."},
    {RECEIVED, DETAIL, "Received signal %s."},
    {FORWARDED, DETAIL, "Forwarded signal %s to children."},
    {REAPED, DETAIL, "A child with PID %p exited with exit status %c."},
    {REAPED_KILLED, DETAIL, "A child with PID %p was terminated by signal %s."},
    {PROGRAM_EXITED, DETAIL, "A child with PID %p exited with exit status %c."},
    {PROGRAM_KILLED, DETAIL, "A child with PID %p was terminated by signal %s."},
    {EXITS, DETAIL, "Child exited with status %c. Goodbye."},
    {NO_PROGRAM, ERROR, NULL},
    {EVENTS, ERROR, NULL},
};

static const struct message_text catatonit_messages[] = {
    {NO_PROGRAM, ERROR, "missing program name"},
    {SUBREAPER_FAILED, ERROR, "cannot become a subreaper, and this is not process 1: %e"},
    {NOT_FOUND, ERROR, "failed to exec pid1: %e"},
    {NOT_EXECUTABLE, ERROR, "failed to exec pid1: %e"},
    {NO_INTERPRETER, ERROR, "failed to exec pid1: %e"},
    {EVENTS, ERROR, NULL},
};

static const struct dialect dialects[] = {
    {
        .names = {"bailey-init"},
        .behavior = {.verbosity = WARNING, .isolation = OWN_GROUP, .subreaper = SUBREAPER_AUTO, .epitaph = true},
        .options = bailey_options,
        .messages = bailey_messages,
        .prefix = "bailey-init: ",
        .levels = {"", "", "", ""},
        .wrong_usage = EX_USAGE,
        .cannot_start = EX_OSERR,
        .not_found = 127,
        .below_a_file = 127,
        .not_permitted = 126,
        .not_executable = 126,
    },
    {
        .names = {"tini", "tini-static", "docker-init"},
        .behavior = {.verbosity = WARNING,
                   .isolation = OWN_GROUP,
                   .subreaper = SUBREAPER_NEVER,
                   .unblocked = FAULTS,
                   .dropped = TERMINAL_ACCESS},
        .options = tini_options,
        .variables = tini_variables,
        .messages = tini_messages,
        .prefix = "[%l tini (%q)] ",
        .levels = {"FATAL", "WARN ", "INFO ", "DEBUG"},
        .after_mistake = tini_help,
        .information_on_stdout = true,
        .runs_scripts = true,
        .wrong_usage = 1,
        .cannot_start = 1,
        .not_found = 127,
        .below_a_file = 1,
        .not_permitted = 126,
        .not_executable = 1,
    },
    {
        .names = {"dumb-init"},
        .behavior = {.verbosity = WARNING,
                   .isolation = OWN_SESSION,
                   .subreaper = SUBREAPER_NEVER,
                   .to_group = true,
                   .stop_together = true,
                   .default_signals = true,
                   .terminate_its_group = true,
                   .change_to_root = true},
        .options = dumb_init_options,
        .variables = dumb_init_variables,
        .messages = dumb_init_messages,
        .prefix = "[dumb-init] ",
        .levels = {"", "", "", ""},
        .after_mistake = dumb_init_usage,
        .after_wrong_value = dumb_init_rewrite_usage,
        .runs_scripts = true,
        .abbreviates = true,
        .wrong_usage = 1,
        .cannot_start = 1,
        .not_found = 2,
        .below_a_file = 2,
        .not_permitted = 2,
        .not_executable = 2,
    },
    {
        .names = {"catatonit"},
        .behavior = {.verbosity = WARNING,
                   .isolation = OWN_GROUP,
                   .subreaper = SUBREAPER_REQUIRED,
                   .unblocked = FAULTS,
                   .change_to_root = true,
                   .close_inherited_descriptors = true,
                   .move_listen_pid_variable = true},
        .options = catatonit_options,
        .variables = catatonit_variables,
        .messages = catatonit_messages,
        .prefix = "%l (catatonit:%q): ",
        .levels = {"ERROR", "WARN", "INFO", "DEBUG"},
        .after_mistake = catatonit_usage,
        .runs_scripts = true,
        .abbreviates = true,
        .wrong_usage = 1,
        .cannot_start = 1,
        .not_found = 1,
        .below_a_file = 1,
        .not_permitted = 1,
        .not_executable = 1,
    },
};

const struct dialect *dialect_of(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    const char *name = slash ? slash + 1 : argv0 ? argv0 : "";

    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        for (size_t j = 0; j < 3 && dialects[i].names[j]; j++)
            if (strcmp(name, dialects[i].names[j]) == 0)
                return &dialects[i];
    return &dialects[0];
}

static const struct message_text *find(const struct message_text *messages, enum event event)
{
    for (; messages->event != EVENTS; messages++)
        if (messages->event == event)
            return messages;
    return NULL;
}

const struct message_text *message_of(const struct dialect *dialect, enum event event)
{
    const struct message_text *own = find(dialect->messages, event);

    return own ? own : find(common_messages, event);
}
