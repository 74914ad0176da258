/* The terminal and job control. */
#ifndef BAILEY_TERMINAL_H
#define BAILEY_TERMINAL_H

#include "settings.h"

struct child;

/* The terminal on standard input, as seen at the start. */
enum terminal {
    NO_TERMINAL, /* there is none, or it is not the controlling terminal */
    SHARED,      /* another process leads its session: a shell with job control, fg and bg */
    HANDED_OVER, /* this process has detached from it, and the session of the program acquires it */
};

/*
 * Detects the terminal, and detaches from it if the program gets it in a new session: because the dialect requires
 * that, or because this process leads the session, as under `docker run -it`. In the session of this process, ^Z could
 * stop the program and no process would continue it; in a new session that cannot happen (setpgid(2), orphaned process
 * groups). Detaching sends SIGHUP and SIGCONT to this process, which are discarded.
 */
enum terminal detect_terminal(struct settings *settings);

/*
 * In the child: if the process group of the parent is in the foreground of the terminal, puts the group of the child
 * there, so that ^C and ^Z reach the program and not the parent. SIGTTOU must be blocked: the terminal sends it to a
 * background process that changes the foreground group.
 */
void take_foreground(const struct settings *settings);

/* In the child, as the leader of a session: acquires the terminal on standard input, if there is one. */
void acquire_terminal(const struct settings *settings);

/*
 * Called when the program has stopped and the terminal is shared: stops this process too, so that the shell that waits
 * for it takes the terminal back. PID 1 cannot stop, so it continues the program. A SIGSTOP to a program in the
 * background does not stop this process, because no shell waits for it.
 */
void stop_with_program(const struct child *child, int signal);

/*
 * After the end of the program, puts the group of this process into the foreground, for the next program of a script.
 */
void reclaim_terminal(const struct child *child);

/* After a stop of this process: if the shell has put this process into the foreground, puts the program there. */
void continue_program(const struct child *child);

#endif
