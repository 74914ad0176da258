#ifndef BAILEY_TERMINAL_H
#define BAILEY_TERMINAL_H

#include "settings.h"

struct child;

/* What the terminal on standard input means to us. */
enum terminal {
    NO_TERMINAL, /* there is none, or it isn't ours */
    SHARED,      /* it is ours, in a session that somebody else leads: a shell has job control, fg and bg with it */
    HANDED_OVER, /* it was ours, and we have let go of it: the program's session takes it */
};

/*
 * Finds out, and lets go of the terminal where the program is to have it for its own session: where the dialect wants
 * that, and where we lead the session ourselves, as under `docker run -it`. Beside us in our session the program could
 * be stopped by ^Z, with nobody there to let it go on; in a session of its own that cannot happen (setpgid(2), orphaned
 * process groups). Letting go sends us SIGHUP and SIGCONT, which are swallowed.
 */
enum terminal detect_terminal(struct settings *settings);

/*
 * In the child: when our parent's group is in the foreground of the terminal on standard input, the caller's own takes
 * its place, so that ^C and ^Z reach the program and not the parent. SIGTTOU must be blocked, or the terminal would stop the caller for asking.
 */
void take_foreground(const struct settings *settings);

/* In the child, as the leader of a session: takes the terminal on standard input, if there is one. */
void acquire_terminal(const struct settings *settings);

/*
 * The program has been stopped, and the terminal is shared: we stop as well, so that the shell that waits for us notices
 * and takes the terminal back. As process 1 of a namespace we can't; then the program goes on. In the
 * background, a SIGSTOP is somebody else's matter.
 */
void stop_with_program(const struct child *child, int signal);

/* The program has ended: a terminal that we had before is ours again, and the next of a script's programs can use it. */
void reclaim_terminal(const struct child *child);

/* We go on, after a stop: if the shell has put us into the foreground, the program's group gets it. */
void continue_program(const struct child *child);

#endif
