/*
 * Dialects: the programs that bailey-init can replace, chosen by argv[0]. A dialect is a set of tables: options,
 * variables, messages, exit codes and the initial settings.
 */
#ifndef BAILEY_DIALECT_H
#define BAILEY_DIALECT_H

#include "settings.h"

/* The events that messages report. The comment beside each event lists the fields that its text may use. */
enum event {
    WRONG_OPTION,   /* name: the argument */
    WRONG_VALUE,    /* name: the option or variable, detail: its value, hint: what it must be */
    MISSING_VALUE,  /* name: the option */
    NO_PROGRAM,
    NOT_FOUND,      /* name, error */
    NOT_EXECUTABLE, /* name, error */
    NO_INTERPRETER, /* name */
    NO_PROCESS,     /* name, error */
    SUBREAPER_FAILED,    /* error */
    NOT_SUBREAPER, /* and not PID 1 either */
    NO_KERNEL_REAPING, /* detail: why */
    STATUS_LOST,    /* name */
    GROUP_NOT_CHANGED,  /* error */
    FOREGROUND_NOT_TAKEN,  /* error */
    TERMINAL_NOT_ACQUIRED, /* error */
    FOLDER_NOT_LEFT,   /* error */
    NOT_FORWARDED,  /* signal, pid, error */
    STARTED,        /* name, pid */
    DETACHED,       /* from the terminal; the SIGHUP and SIGCONT that this causes are discarded */
    RECEIVED,       /* signal */
    FORWARDED,      /* signal, pid */
    ISOLATED,       /* the program has its own session */
    ORPHAN_REAPED,         /* pid: only with an option for it */
    REAPED,         /* pid, code: not the program */
    REAPED_KILLED,  /* pid, signal: not the program */
    PROGRAM_EXITED, /* pid, code */
    PROGRAM_KILLED, /* pid, signal */
    STOP_TIMED_OUT,    /* pid: SIGKILL, because it did not end within --stop-timeout */
    GRACE_BEGINS,   /* SIGTERM to the remaining processes */
    GRACE_IS_OVER,  /* SIGKILL to the remaining processes */
    PROCESSES_REMAIN,      /* after SIGKILL */
    EXITS,           /* code */
    EVENTS
};

/* The values that the text of a message may use. */
struct message_fields {
    const char *name;
    const char *detail;
    const char *hint;
    int pid;
    int signal;
    int code;
    int error;
};

/*
 * The text of a message, with these directives: %n is the name, %d the detail, %h the hint, %p the pid, %s the number
 * of the signal, %S its name, %c the code, %e the error, %q the pid of this process, %l the level.
 */
struct message_text {
    enum event event;
    enum level level;
    const char *text; /* without the prefix and the line feed; null: no message */
};

/* Applies the value of an option or a variable; false when the value is wrong. */
typedef bool setter(struct settings *settings, const char *value);

struct option {
    const char *name;     /* with its dashes; null: the option has only a letter */
    char letter;          /* 0: the option has only a name */
    setter *set;          /* null: the option prints its text and ends the program */
    const char *hint;     /* what its value must be; null: the option takes none */
    const char *variable; /* the environment variable for the same; null: none */
    const char *text;
    bool to_stderr;       /* print the text to standard error */
};

/* The letter, which no command line has, of a --version that is valid only as the sole argument. */
enum { VERSION_ALONE = 1 };

/* The condition under which a variable takes effect. */
enum presence {
    WHEN_PRESENT,   /* with any value, also an empty one */
    WHEN_EQUAL,     /* with the value `equal` */
    WITH_ITS_VALUE, /* always; its value is passed to `set` */
};

struct variable {
    const char *name;
    enum presence presence;
    const char *equal;
    setter *set;
};

/* One program that bailey-init can replace. */
struct dialect {
    const char *names[3]; /* of argv[0], without a folder */
    struct behavior behavior;
    const struct option *options;
    const struct variable *variables;
    const struct message_text *messages; /* messages that differ from the common ones; EVENTS ends the list */
    const char *prefix;           /* of every message, with the same directives */
    const char *levels[DETAIL + 1];
    const char *after_mistake;    /* printed below a wrong command line; null: nothing */
    const char *after_wrong_value; /* the same for an option's value */
    bool information_on_stdout;   /* INFO and DETAIL go to standard output, else to standard error */
    bool abbreviates;             /* long options may be abbreviated, as with getopt_long(3) */
    bool runs_scripts;            /* a file of an unknown format is run by the shell, as with execvp(3) */
    uint8_t wrong_usage;          /* exit codes */
    uint8_t cannot_start;         /* no process, or not the subreaper that is required */
    uint8_t not_found;
    uint8_t below_a_file; /* a part of its path is not a folder */
    uint8_t not_permitted;
    uint8_t not_executable;
};

/* Returns the dialect of the program with this name; that of bailey-init for any other name. */
const struct dialect *dialect_of(const char *argv0);

/* Returns the message of a dialect about an event; null when it has none. */
const struct message_text *message_of(const struct dialect *dialect, enum event event);

#endif
