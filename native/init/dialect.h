#ifndef BAILEY_DIALECT_H
#define BAILEY_DIALECT_H

#include "settings.h"

/* What can happen that somebody may want to read about. */
enum event {
    WRONG_OPTION,   /* name: the argument */
    WRONG_VALUE,    /* name: the option or variable, detail: its value, hint: what it must be */
    MISSING_VALUE,  /* name: the option */
    NO_PROGRAM,
    NOT_FOUND,      /* name, error */
    NOT_EXECUTABLE, /* name, error */
    NO_INTERPRETER, /* name */
    NO_PROCESS,     /* name, error */
    SUBREAPER_FAILED,    /* error: cannot become a subreaper */
    NOT_SUBREAPER, /* neither process 1 nor a subreaper */
    NO_KERNEL_REAPING, /* detail: why */
    STATUS_LOST,    /* name */
    GROUP_NOT_CHANGED,  /* error */
    FOREGROUND_NOT_TAKEN,  /* error */
    TERMINAL_NOT_ACQUIRED, /* error */
    FOLDER_NOT_LEFT,   /* error */
    NOT_FORWARDED,  /* signal, pid, error */
    STARTED,        /* name, pid */
    DETACHED,       /* from the terminal, and the SIGHUP and SIGCONT that come of it are swallowed */
    RECEIVED,       /* signal */
    FORWARDED,      /* signal, pid */
    ISOLATED,       /* the program has its own session */
    ORPHAN_REAPED,         /* pid: one that isn't the program has ended, and somebody asked to be warned */
    REAPED,         /* pid, code: the same, in detail */
    REAPED_KILLED,  /* pid, signal */
    PROGRAM_EXITED, /* pid, code */
    PROGRAM_KILLED, /* pid, signal */
    STOP_TIMED_OUT,    /* pid: SIGKILL, since it didn't end within --stop-timeout */
    GRACE_BEGINS,   /* SIGTERM to what is left */
    GRACE_IS_OVER,  /* SIGKILL to what is left */
    PROCESSES_REMAIN,      /* SIGKILL cannot reach some of them */
    EXITS,           /* code */
    EVENTS
};

/* What an event's text may name. */
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
 * How an event is told. In the text, %n stands for the name, %d for the detail, %h for the hint, %p for the pid, %s for
 * the signal's number, %S for its name, %c for the code, %e for the error, %q for our own pid, %l for the level.
 */
struct message_text {
    enum event event;
    enum level level;
    const char *text; /* without the prefix and the line's end; null: nothing is said */
};

/* What an option or a variable does with its value; false when the value is none of those that hint names. */
typedef bool setter(struct settings *settings, const char *value);

struct option {
    const char *name;     /* with its dashes; null: it has only a letter */
    char letter;          /* 0: it has only a name */
    setter *set;          /* null: its text is printed instead, and that was all */
    const char *hint;     /* what its value must be; null: it takes none */
    const char *variable; /* says the same in the environment; null: none does */
    const char *text;
    bool to_stderr;       /* where its text goes */
};

/* The letter of a --version that counts only as the sole argument: nobody can type it. */
enum { VERSION_ALONE = 1 };

/* When a variable that is set counts. */
enum presence {
    WHEN_PRESENT,   /* with any value, even an empty one */
    WHEN_EQUAL,     /* with exactly this value */
    WITH_ITS_VALUE, /* its value is handed on */
};

struct variable {
    const char *name;
    enum presence presence;
    const char *equal;
    setter *set;
};

/* One of the programs that this one can be. */
struct dialect {
    const char *names[3]; /* as argv[0] has them, without a folder */
    struct behavior behavior;
    const struct option *options;
    const struct variable *variables;
    const struct message_text *messages; /* in other words than everybody's; ended by a null text at EVENTS */
    const char *prefix;           /* of every message; the same directives */
    const char *levels[DETAIL + 1];
    const char *after_mistake;    /* printed below a wrong command line; null: nothing */
    const char *after_wrong_value; /* the same for an option's value */
    bool information_on_stdout;   /* INFO and DETAIL; else everything goes to standard error */
    bool abbreviates;             /* long options may be cut short, as getopt_long(3) has it */
    bool runs_scripts;            /* a file without a known format is the shell's, as execvp(3) has it */
    uint8_t wrong_usage;          /* exit codes */
    uint8_t cannot_start;         /* no process, or no adoption that was asked for */
    uint8_t not_found;
    uint8_t below_a_file; /* a part of its path isn't a folder */
    uint8_t not_permitted;
    uint8_t not_executable;
};

/* The dialect that a program of this name speaks; bailey-init's own when it is nobody else's. */
const struct dialect *dialect_of(const char *argv0);

/* How a dialect tells an event; null when it doesn't. */
const struct message_text *message_of(const struct dialect *dialect, enum event event);

#endif
