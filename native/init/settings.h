#ifndef BAILEY_SETTINGS_H
#define BAILEY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "signal_set.h"

struct dialect;

/* How orphans are kept from staying as zombies. */
enum reaping {
    REAP_AUTO,   /* the kernel where it can, else waiting */
    REAP_KERNEL, /* the same, but say why when the kernel can't */
    REAP_WAIT,   /* waiting */
};

/* Whether this process, when it isn't process 1, becomes the subreaper of its descendants. */
enum subreaper {
    SUBREAPER_AUTO,         /* yes; when it can't, it says so and goes on */
    SUBREAPER_REQUIRED,  /* yes; when it can't, it ends */
    SUBREAPER_NEVER,  /* no */
};

enum isolation {
    SAME_GROUP,  /* the program stays in our process group */
    OWN_GROUP,   /* its own process group, in the foreground if we are there */
    OWN_SESSION, /* its own session, with our terminal */
};

/* From which verbosity on a message is printed. */
enum level { ERROR, WARNING, INFO, DETAIL };

/*
 * What a dialect decides and options change. Everything that this program does beyond spawning and reaping is named
 * here; no other place knows which dialect is spoken.
 */
struct behavior {
    enum level verbosity;
    enum reaping reaping;
    enum subreaper subreaper;
    enum isolation isolation;
    signal_set unblocked; /* not blocked and not forwarded: they do to us what they do to any program */
    signal_set dropped;    /* not forwarded */
    bool to_group;         /* signals go to the program's whole process group */
    bool stop_together;    /* terminal stops are passed on as SIGSTOP, and stop us too */
    bool default_signals;    /* the program starts with nothing blocked and nothing ignored */
    bool terminate_its_group;       /* after the program, whoever gets its signals gets SIGTERM */
    bool change_to_root;   /* our own working directory becomes / */
    bool close_inherited_descriptors; /* descriptors from 3 on are closed in ourselves */
    bool move_listen_pid_variable; /* LISTEN_PID that is ours becomes the program's, sd_listen_fds(3) */
    bool epitaph;          /* a line about an abnormal end */
    bool pause_only;           /* no program: reap until SIGTERM or SIGINT */
    bool warn_orphans;            /* tell of each process reaped */
    bool wait_all;    /* stay until every descendant has ended */
    bool expect_term;     /* an end by a signal that we forwarded is a success */
    uint32_t grace_ms;     /* after the program, what is left gets SIGTERM, and SIGKILL this long after; 0: neither */
    uint32_t stop_ms;      /* the program gets SIGKILL this long after a forwarded SIGTERM; 0: never */
    int parent_death_signal; /* that we get when our parent ends; 0: none */
};

struct settings {
    const struct dialect *dialect;
    struct behavior behavior;
    char **program;                          /* what to run and its arguments, ended by a null pointer */
    const char *secret_names; /* variables, and options of the program: what they say is wiped out; null: nothing is */
    uint8_t forwarded_as[LAST_SIGNAL + 1];   /* the signal that each one becomes; 0: it is dropped */
    uint8_t exit_as[256];                    /* the exit code that each one becomes */
};

/* Whether anything but warnings is told; asked first where the program runs, so that the messages' pages stay away. */
static inline bool is_verbose(const struct settings *settings)
{
    return settings->behavior.verbosity > WARNING;
}

#endif
