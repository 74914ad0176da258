/* The settings of bailey-init: the result of reading the command line and the environment. */
#ifndef BAILEY_SETTINGS_H
#define BAILEY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "signal_set.h"

struct dialect;

/* How zombies are avoided. */
enum reaping {
    REAP_AUTO,   /* the kernel reaps if it can, else waitpid(2) */
    REAP_KERNEL, /* the same, and a message reports the reason if the kernel cannot */
    REAP_WAIT,   /* waitpid(2) */
};

/* Whether this process, if it is not PID 1, becomes the subreaper of its descendants. */
enum subreaper {
    SUBREAPER_AUTO,         /* yes; if that fails, it reports that and continues */
    SUBREAPER_REQUIRED,  /* yes; if that fails, it exits */
    SUBREAPER_NEVER,  /* no */
};

/* The process group and the session of the program. */
enum isolation {
    SAME_GROUP,  /* the process group of bailey-init */
    OWN_GROUP,   /* a new process group, in the foreground if bailey-init is in the foreground */
    OWN_SESSION, /* a new session, with the terminal of bailey-init */
};

/* A message is printed if its level is not above the verbosity. */
enum level { ERROR, WARNING, INFO, DETAIL };

/*
 * Behavior that depends on the dialect and that options change. All other code reads these fields and does not
 * depend on which dialect is in use.
 */
struct behavior {
    enum level verbosity;
    enum reaping reaping;
    enum subreaper subreaper;
    enum isolation isolation;
    signal_set unblocked; /* neither blocked nor forwarded: they have their default action on this process */
    signal_set dropped;    /* not forwarded */
    bool to_group;         /* signals are forwarded to the program's process group */
    bool stop_together;    /* terminal stops are forwarded as SIGSTOP, and stop this process too */
    bool default_signals;    /* the program starts with no signal blocked or ignored */
    bool terminate_its_group;       /* after the program has ended, the receivers of its signals get SIGTERM */
    bool change_to_root;   /* the working directory of this process becomes / */
    bool close_inherited_descriptors; /* descriptors from 3 on are closed in this process */
    bool move_listen_pid_variable; /* LISTEN_PID names the program in place of this process, sd_listen_fds(3) */
    bool epitaph;          /* report an abnormal end of the program */
    bool pause_only;           /* run no program; reap until SIGTERM or SIGINT */
    bool warn_orphans;            /* report each orphan that is reaped */
    bool wait_all;    /* exit when every descendant has ended */
    bool expect_term;     /* exit with 0 when a forwarded signal ended the program */
    uint32_t grace_ms;     /* after the program has ended: SIGTERM to what remains, SIGKILL this much later; 0: neither */
    uint32_t stop_ms;      /* SIGKILL to the program this long after a forwarded SIGTERM; 0: never */
    int parent_death_signal; /* that this process gets when its parent ends; 0: none */
};

struct settings {
    const struct dialect *dialect;
    struct behavior behavior;
    char **program;                          /* the program and its arguments, ended by a null pointer */
    const char *secret_names; /* names of variables and options whose values are overwritten; null: none */
    uint8_t forwarded_as[LAST_SIGNAL + 1];   /* the signal that is sent for each one received; 0: none */
    uint8_t exit_as[256];                    /* the exit status for each one of the program */
};

/*
 * Whether messages below the level of warnings are printed. Resident code calls this first, so that the pages of the
 * messages stay unused.
 */
static inline bool is_verbose(const struct settings *settings)
{
    return settings->behavior.verbosity > WARNING;
}

#endif
