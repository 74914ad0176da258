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
 * The child's stack until it executes: room for execute()'s path and some calls; no signal handler ever runs on it.
 * Common, so that the linker puts it behind all other data; used from a page's end, so that whole pages are given back.
 */
extern char child_stack[20480];
char child_stack[20480] __attribute__((common));

struct task {
    const struct settings *settings;
    const struct inherited_signals *given;
    enum terminal terminal;
};

static int report(const struct settings *settings)
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

/* A socket-activated program looks for its own pid there; whoever started us could only know ours. */
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

static void isolate(const struct task *task)
{
    switch (task->settings->behavior.isolation) {
    case SAME_GROUP:
        break;
    case OWN_GROUP:
        if (setpgid(0, 0) == 0 && task->terminal == SHARED)
            take_foreground(task->settings);
        break;
    case OWN_SESSION:
        if (setsid() < 0)
            break;
        acquire_terminal(task->settings);
        print_message(task->settings, ISOLATED, NULL);
        break;
    }
}

/*
 * Runs in the parent's memory while the parent stands still (vfork), so it leaves nothing behind there but a pid in the
 * environment. It reports its failure itself instead of through that memory: qemu-user makes a fork of the vfork.
 */
static int execute_program(void *argument)
{
    const struct task *task = argument;
    const struct settings *settings = task->settings;

    /* Every signal is still blocked here, SIGTTOU with them. */
    isolate(task);
    if (settings->behavior.move_listen_pid_variable)
        move_listen_pid();
    restore_signals(task->given, settings->behavior.default_signals);
    execute(settings->program, settings->dialect->runs_scripts);
    return report(settings);
}

/*
 * For kernels and sandboxes that know no other way. By the bare system call: libc's fork() brings locks and clocks
 * along, a page of them.
 */
static pid_t plain_fork(struct task *task)
{
    const pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(execute_program(task));
    /* Here too, whoever is first (tini lost signals in between). EACCES when the child has long been executing. */
    if (pid > 0 && task->settings->behavior.isolation == OWN_GROUP && setpgid(pid, pid) < 0 && errno != EACCES &&
        errno != ESRCH)
        print_message(task->settings, GROUP_NOT_CHANGED, &(struct message_fields){.error = errno});
    return pid;
}

/* By the kernel or a filter; or there is no room for a descriptor. The next step down needs less. */
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
    struct task task = {.settings = settings, .given = given, .terminal = terminal};

    /* Newest first. clone and not clone3: container engines' seccomp profiles answer ENOSYS to clone3. */
    child->terminal = terminal;
    child->pidfd = -1;
    if (settings->behavior.reaping != REAP_WAIT)
        child->pid = clone(execute_program, stack_end, flags | CLONE_PIDFD, &task, &child->pidfd);
    if (settings->behavior.reaping == REAP_WAIT || (child->pid < 0 && is_refusal(errno)))
        child->pid = clone(execute_program, stack_end, flags, &task);
    if (child->pid < 0 && is_refusal(errno))
        child->pid = plain_fork(&task);
    /* As a script's, the child's memory had another one, and its memory was ours. */
    settings->program[0] = name;
    if (child->pid < 0)
        return false;
    release_pages(child_stack, stack_end);
    return true;
}
