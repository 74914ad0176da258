/*
 * See spawn.h. The process is created in one of three ways, which are tried in this order: clone(2) with vfork
 * semantics and a pidfd, the same without the pidfd, and a plain fork. Each fallback is for kernels, sandboxes and
 * seccomp filters that refuse the way before it.
 */
#include "spawn.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dialect.h"
#include "message.h"
#include "release_pages.h"
#include "search_path.h"
#include "signals.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000 /* Linux 5.2; musl has it since 1.2 */
#endif

/*
 * The stack of the child until it executes the program, with space for the path in execute() and a few calls. No signal
 * handler runs on it. It is a common symbol, which the linker places after all other data. The stack begins at the end
 * of a page, so that whole pages are given back.
 */
extern char child_stack[20480];
char child_stack[20480] __attribute__((common));

struct start {
    const struct settings *settings;
    const struct inherited_signals *inherited;
    enum terminal terminal;
};

static int report_exec_failure(const struct settings *settings)
{
    const struct dialect *dialect = settings->dialect;
    const char *name = settings->program[0];
    const int error = errno;
    const bool absent = error == ENOENT || error == ENOTDIR;
    const bool is_there = absent && strchr(name, '/') && access(name, F_OK) == 0;
    const enum event event = is_there ? NO_INTERPRETER : absent ? NOT_FOUND : NOT_EXECUTABLE;

    print_message(settings, event, &(struct message_fields){.name = name, .error = error});
    switch (error) {
    case ENOENT: return dialect->not_found;
    case ENOTDIR: return dialect->below_a_file;
    case EACCES: return dialect->not_permitted;
    default: return dialect->not_executable;
    }
}

/*
 * Sets LISTEN_PID to the pid of the program: a socket-activated program expects its pid there, but the service manager
 * has set the pid of bailey-init.
 */
static void move_listen_pid(void)
{
    static char room[sizeof "LISTEN_PID=" + NUMBER_SIZE] = "LISTEN_PID=";
    const size_t length = sizeof "LISTEN_PID=" - 1;
    char ours[NUMBER_SIZE], own[NUMBER_SIZE];

    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, room, length) == 0 && strcmp(*variable + length, format_number(getppid(), ours)) == 0) {
            /* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.strcpy): room has room for the longest number */
            strcpy(room + length, format_number(getpid(), own));
            *variable = room;
        }
}

static void isolate(const struct start *start)
{
    switch (start->settings->behavior.isolation) {
    case SAME_GROUP:
        break;
    case OWN_GROUP:
        if (setpgid(0, 0) == 0 && start->terminal == SHARED)
            take_foreground(start->settings);
        break;
    case OWN_SESSION:
        if (setsid() < 0)
            break;
        acquire_terminal(start->settings);
        print_message(start->settings, ISOLATED, NULL);
        break;
    }
}

/*
 * The function of the child. It runs in the memory of the parent, which is suspended (vfork), so it changes nothing
 * there except LISTEN_PID in the environment. The child reports a failure, and not the parent through the shared
 * memory, because qemu-user turns the vfork into a fork.
 */
static int execute_program(void *argument)
{
    const struct start *start = argument;
    const struct settings *settings = start->settings;

    /* Every signal is still blocked, including SIGTTOU, which the change of the foreground group would cause. */
    isolate(start);
    if (settings->behavior.move_listen_pid_variable)
        move_listen_pid();
    restore_signals(start->inherited, settings->behavior.default_signals);
    execute(settings->program, settings->dialect->runs_scripts);
    return report_exec_failure(settings);
}

/* For kernels and sandboxes without the other ways. Uses the bare system call: libc's fork() needs one more page. */
static pid_t plain_fork(struct start *start)
{
    const pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(execute_program(start));
    /*
     * Both processes do this, so that the group exists whichever runs first (tini lost signals). EACCES: it has
     * executed.
     */
    if (pid > 0 && start->settings->behavior.isolation == OWN_GROUP && setpgid(pid, pid) < 0 && errno != EACCES &&
        errno != ESRCH)
        print_message(start->settings, GROUP_NOT_CHANGED, &(struct message_fields){.error = errno});
    return pid;
}

/* Whether the next way may succeed: the kernel or a filter refused this one, or no descriptor is free. */
static bool is_refusal(int error)
{
    return error == EINVAL || error == EPERM || error == EACCES || error == ENOSYS || error == EMFILE ||
           error == ENFILE;
}

bool spawn(const struct settings *settings, const struct inherited_signals *given, enum terminal terminal,
           struct child *child)
{
    char *const stack_end = round_down_to_page(child_stack + sizeof child_stack);
    const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    char *const name = settings->program[0];
    struct start start = {.settings = settings, .inherited = given, .terminal = terminal};

    /* Newest first. clone and not clone3: the seccomp profiles of container engines answer clone3 with ENOSYS. */
    child->terminal = terminal;
    child->pidfd = -1;
    if (settings->behavior.reaping != REAP_WAIT)
        child->pid = clone(execute_program, stack_end, flags | CLONE_PIDFD, &start, &child->pidfd);
    if (settings->behavior.reaping == REAP_WAIT || (child->pid < 0 && is_refusal(errno)))
        child->pid = clone(execute_program, stack_end, flags, &start);
    if (child->pid < 0 && is_refusal(errno))
        child->pid = plain_fork(&start);
    /* The child shared this memory, and may have changed the name to run a script with the shell. */
    settings->program[0] = name;
    if (child->pid < 0)
        return false;
    release_pages(child_stack, stack_end);
    return true;
}
