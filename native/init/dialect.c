/*
 * The programs that this one can be: bailey-init by its own name, the others as drop-ins by theirs. What they print is
 * in our own words, except what scripts and the others' own test suites look for.
 */
#include "dialect.h"

#include <stddef.h>
#include <string.h>
#include <sysexits.h>

#include "bailey_options.h"
#include "texts.h"
#include "words.h"

static bool set_reaping(struct settings *settings, const char *value)
{
    static const char *const words[] = {[REAP_AUTO] = "auto", [REAP_KERNEL] = "kernel", [REAP_WAIT] = "wait"};

    for (enum reaping way = REAP_AUTO; way <= REAP_WAIT; way++)
        if (strcmp(value, words[way]) == 0) {
            settings->manner.reaping = way;
            return true;
        }
    return false;
}

static bool set_adoption(struct settings *settings, const char *value)
{
    static const char *const words[] = {[ADOPT] = "auto", [ADOPT_OR_END] = "always", [ADOPT_NOBODY] = "never"};

    for (enum adoption adoption = ADOPT; adoption <= ADOPT_NOBODY; adoption++)
        if (strcmp(value, words[adoption]) == 0) {
            settings->manner.adoption = adoption;
            return true;
        }
    return false;
}

/* CODE becomes 0, CODE:CODE the second; several are separated by commas. */
static bool set_remap(struct settings *settings, const char *value)
{
    for (;;) {
        uint32_t from, to = 0;

        if (!read_number(value, &value, 255, &from))
            return false;
        if (*value == ':' && !read_number(value + 1, &value, 255, &to))
            return false;
        settings->exit_as[from] = (uint8_t)to;
        if (*value != ',')
            return *value == '\0';
        value++;
    }
}

/*
 * As strtol(3) and scanf(3) have it, with which the others read numbers: ENTRYPOINT ["tini", "-e 143", "--"] makes a value
 * that begins with a blank.
 */
static const char *behind_blanks(const char *value)
{
    value += strspn(value, " \t\n\v\f\r");
    return value + (*value == '+');
}

static bool rewrite(struct settings *settings, const char *value, int last)
{
    for (;;) {
        const char *behind;
        uint32_t nothing;
        const int from = read_signal_name(value, &behind);

        if (from == 0 || from > last || *behind != ':')
            return false;
        value = behind + 1;
        const int to = read_signal_name(value, &behind);
        if (to > last || (to == 0 && !read_number(value, &behind, 0, &nothing)))
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
    return rewrite(settings, behind_blanks(value), SIGSYS);
}

static bool set_grace(struct settings *settings, const char *value)
{
    return read_duration(value, &settings->manner.grace_ms);
}

static bool set_stop_timeout(struct settings *settings, const char *value)
{
    return read_duration(value, &settings->manner.stop_ms);
}

static bool set_parent_death_signal(struct settings *settings, const char *value)
{
    const char *end;

    if (strncmp(value, "SIG", 3) != 0)
        return false;
    settings->manner.parent_death_signal = read_signal_name(value, &end);
    return settings->manner.parent_death_signal != 0 && *end == '\0';
}

static bool set_code_of_success(struct settings *settings, const char *value)
{
    const char *end;
    uint32_t code;

    if (!read_number(behind_blanks(value), &end, 255, &code) || *end != '\0')
        return false;
    settings->exit_as[code] = 0;
    return true;
}

static bool set_verbosity(struct settings *settings, const char *value)
{
    const char *end;
    uint32_t verbosity;

    (void)read_number(value, &end, 9, &verbosity);
    settings->manner.verbosity = verbosity > DETAIL ? DETAIL : (enum level)verbosity;
    return true;
}

static bool be_more_verbose(struct settings *settings, const char *value)
{
    (void)value;
    if (settings->manner.verbosity < DETAIL)
        settings->manner.verbosity++;
    return true;
}

static bool be_verbose(struct settings *settings, const char *value)
{
    (void)value;
    settings->manner.verbosity = DETAIL;
    return true;
}

static bool set_to_group(struct settings *settings, const char *value)
{
    (void)value;
    settings->manner.to_group = true;
    return true;
}

static bool set_single_child(struct settings *settings, const char *value)
{
    (void)value;
    settings->manner.isolation = SAME_GROUP;
    settings->manner.to_group = false;
    settings->manner.stops_with_it = false;
    return true;
}

static bool set_adopt_or_end(struct settings *settings, const char *value)
{
    (void)value;
    settings->manner.adoption = ADOPT_OR_END;
    return true;
}

static bool set_waits_for_all(struct settings *settings, const char *value)
{
    (void)value;
    settings->manner.waits_for_all = true;
    return true;
}

static bool set_pauses(struct settings *settings, const char *value)
{
    (void)value;
    settings->manner.pauses = true;
    return true;
}

static bool set_expects_term(struct settings *settings, const char *value)
{
    (void)value;
    settings->manner.expects_term = true;
    return true;
}

static bool set_warns(struct settings *settings, const char *value)
{
    (void)value;
    settings->manner.warns = true;
    return true;
}

static bool set_no_epitaph(struct settings *settings, const char *value)
{
    (void)value;
    settings->manner.epitaph = false;
    return true;
}

static bool set_secret_names(struct settings *settings, const char *value)
{
    settings->forgotten = value;
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
    {.letter = 's', .set = set_adopt_or_end},
    {.letter = 'p', .set = set_parent_death_signal, .hint = "SIGTERM or another signal's whole name"},
    {.letter = 'v', .set = be_more_verbose},
    {.letter = 'w', .set = set_warns},
    {.letter = 'g', .set = set_to_group},
    {.letter = 'e', .set = set_code_of_success, .hint = "0 to 255"},
    {0},
};

static const struct variable tini_variables[] = {
    {"TINI_SUBREAPER", WHEN_PRESENT, NULL, set_adopt_or_end},
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
    {.letter = 'P', .set = set_pauses},
    {.name = "--version", .letter = 'V', .text = catatonit_version},
    {0},
};

static const struct variable catatonit_variables[] = {
    {"CATATONIT_DEBUG", WHEN_PRESENT, NULL, be_verbose},
    {0},
};

/* What a dialect has no words of its own for. */
static const struct saying everybodys_sayings[] = {
    {WRONG_OPTION, ERROR, "unknown option '%n'"},
    {WRONG_VALUE, ERROR, "%n needs %h, not '%d'"},
    {MISSING_VALUE, ERROR, "%n needs %h"},
    {NO_PROGRAM, ERROR, "no program to run was given"},
    {NOT_FOUND, ERROR, "'%n' cannot be executed: %e"},
    {NOT_EXECUTABLE, ERROR, "'%n' cannot be executed: %e"},
    {NO_INTERPRETER, ERROR, "'%n' is there, but not the interpreter or loader that it names"},
    {NO_PROCESS, ERROR, "no process could be created for '%n': %e"},
    {NO_ADOPTION, WARNING, "not process 1, and cannot become a subreaper: orphans are left to others: %e"},
    {NO_KERNEL_REAPING, WARNING, "the kernel cannot reap here, so bailey-init does: %d"},
    {STATUS_LOST, ERROR, "the kernel did not tell the exit code of '%n'"},
    {SAME_GROUP_STILL, WARNING, "the program stays in our process group: %e"},
    {BACKGROUND_STILL, WARNING, "the program stays in the background of the terminal: %e"},
    {NO_TERMINAL_STILL, INFO, "the program has no controlling terminal: %e"},
    {NOT_FORWARDED, WARNING, "cannot forward %S to process %p: %e"},
    {STAYS_IN_FOLDER, WARNING, "the working directory stays in use: %e"},
    {STARTED, INFO, "started '%n' as process %p"},
    {FORWARDED, DETAIL, "%S forwarded to process %p"},
    {REAPED, DETAIL, "reaped process %p, exit code %c"},
    {REAPED_KILLED, DETAIL, "reaped process %p, ended by %S"},
    {ZOMBIE, WARNING, "reaped process %p, which somebody left behind"},
    {PROGRAM_EXITED, INFO, "process %p has ended with exit code %c"},
    {PROGRAM_KILLED, INFO, "process %p was ended by %S"},
    {KILLED_LATE, WARNING, "process %p did not end in time after SIGTERM: SIGKILL"},
    {GRACE_BEGINS, INFO, "SIGTERM to what is left"},
    {GRACE_IS_OVER, WARNING, "the grace is over: SIGKILL to what is left"},
    {SOME_STAY, WARNING, "some processes cannot be killed from here, and stay"},
    {EVENTS, ERROR, NULL},
};

static const struct saying bailey_sayings[] = {
    {WRONG_OPTION, ERROR, "unknown option '%n'; see --help"},
    {WRONG_VALUE, ERROR, "%n needs %h, not '%d'; see --help"},
    {MISSING_VALUE, ERROR, "%n needs %h; see --help"},
    {NO_PROGRAM, ERROR, "no program to run was given; see --help"},
    {EVENTS, ERROR, NULL},
};

/* Its suite and people's scripts look for the texts of NOBODY_ADOPTED and ZOMBIE. */
static const struct saying tini_sayings[] = {
    {NOBODY_ADOPTED, WARNING,
     "neither process 1 nor a subreaper: orphans go elsewhere, and zombie reaping won't work; use -s or TINI_SUBREAPER"},
    {NO_ADOPTION, ERROR, "cannot become a subreaper: %e"},
    {NOT_FOUND, ERROR, "exec %n failed: %e"},
    {NOT_EXECUTABLE, ERROR, "exec %n failed: %e"},
    {NO_INTERPRETER, ERROR, "exec %n failed: %e"},
    {ZOMBIE, WARNING, "Reaped zombie process with pid=%p"},
    {NO_PROGRAM, ERROR, NULL},
    {EVENTS, ERROR, NULL},
};

/* Its suite compares what is said in debug mode, line by line. */
static const struct saying dumb_init_sayings[] = {
    {WRONG_VALUE, ERROR, NULL},
    {NOT_FOUND, ERROR, "%n: %e"},
    {NOT_EXECUTABLE, ERROR, "%n: %e"},
    {NO_INTERPRETER, ERROR, "%n: %e"},
    {DETACHED, DETAIL, "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."},
    {NO_TERMINAL_STILL, DETAIL, "Unable to attach to controlling tty (%e)."},
    {STARTED, DETAIL, "Child spawned with PID %p."},
    {ISOLATED, DETAIL, "setsid complete."},
    {RECEIVED, DETAIL, "Received signal %s."},
    {FORWARDED, DETAIL, "Forwarded signal %s to children."},
    {REAPED, DETAIL, "A child with PID %p exited with exit status %c."},
    {REAPED_KILLED, DETAIL, "A child with PID %p was terminated by signal %s."},
    {PROGRAM_EXITED, DETAIL, "A child with PID %p exited with exit status %c."},
    {PROGRAM_KILLED, DETAIL, "A child with PID %p was terminated by signal %s."},
    {ENDS, DETAIL, "Child exited with status %c. Goodbye."},
    {NO_PROGRAM, ERROR, NULL},
    {EVENTS, ERROR, NULL},
};

static const struct saying catatonit_sayings[] = {
    {NO_PROGRAM, ERROR, "missing program name"},
    {NO_ADOPTION, ERROR, "cannot become a subreaper, and this is not process 1: %e"},
    {NOT_FOUND, ERROR, "failed to exec pid1: %e"},
    {NOT_EXECUTABLE, ERROR, "failed to exec pid1: %e"},
    {NO_INTERPRETER, ERROR, "failed to exec pid1: %e"},
    {EVENTS, ERROR, NULL},
};

static const struct dialect dialects[] = {
    {
        .names = {"bailey-init"},
        .manner = {.verbosity = WARNING, .isolation = OWN_GROUP, .adoption = ADOPT, .epitaph = true},
        .options = bailey_options,
        .sayings = bailey_sayings,
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
        .manner = {.verbosity = WARNING,
                   .isolation = OWN_GROUP,
                   .adoption = ADOPT_NOBODY,
                   .left_alone = FAULTS,
                   .dropped = TERMINAL_ACCESS},
        .options = tini_options,
        .variables = tini_variables,
        .sayings = tini_sayings,
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
        .manner = {.verbosity = WARNING,
                   .isolation = OWN_SESSION,
                   .adoption = ADOPT_NOBODY,
                   .to_group = true,
                   .stops_with_it = true,
                   .fresh_signals = true,
                   .ends_group = true,
                   .to_root_folder = true},
        .options = dumb_init_options,
        .variables = dumb_init_variables,
        .sayings = dumb_init_sayings,
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
        .manner = {.verbosity = WARNING,
                   .isolation = OWN_GROUP,
                   .adoption = ADOPT_OR_END,
                   .left_alone = FAULTS,
                   .to_root_folder = true,
                   .closes_inherited = true,
                   .moves_listen_pid = true},
        .options = catatonit_options,
        .variables = catatonit_variables,
        .sayings = catatonit_sayings,
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

static const struct saying *find(const struct saying *sayings, enum event event)
{
    for (; sayings->event != EVENTS; sayings++)
        if (sayings->event == event)
            return sayings;
    return NULL;
}

const struct saying *saying_of(const struct dialect *dialect, enum event event)
{
    const struct saying *own = find(dialect->sayings, event);

    return own ? own : find(everybodys_sayings, event);
}
