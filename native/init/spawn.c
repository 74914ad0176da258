#include "spawn.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"
#include "search.h"
#include "signals.h"
#include "terminal.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000 /* Linux 5.2; musl has it since 1.2 */
#endif

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 }; /* as in the POSIX shell */

struct task {
    char *const *program;
    const struct signals_given *given;
    bool foreground;
};

static int report(const char *name)
{
    const int error = errno;

    if (error == ENOENT && strchr(name, '/') && access(name, F_OK) == 0)
        say("'", name, "' is there, but not the interpreter or loader that it names", NULL);
    else
        say("'", name, "' cannot be executed: ", strerror(error), NULL);
    return error == ENOENT || error == ENOTDIR ? NOT_FOUND : NOT_EXECUTABLE;
}

/*
 * Runs in the parent's memory while the parent stands still (vfork), so it leaves nothing behind there. It reports
 * its failure itself instead of through that memory: qemu-user makes a fork of the vfork.
 */
static int become_program(void *argument)
{
    const struct task *task = argument;

    /* Every signal is still blocked here, SIGTTOU with them. */
    if (setpgid(0, 0) == 0 && task->foreground)
        take_foreground();
    give_signals_back(task->given);
    execute(task->program);
    _exit(report(task->program[0]));
}

/*
 * For kernels and sandboxes that know no other way. By the bare system call: libc's fork() brings locks and clocks
 * along, a page of them.
 */
static pid_t plain_fork(struct task *task)
{
    const pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(become_program(task));
    /* Here too, whoever is first. Fails with EACCES when the child has long been executing. */
    if (pid > 0 && setpgid(pid, pid) < 0 && errno != EACCES && errno != ESRCH)
        say("the program stays in our process group: ", strerror(errno), NULL);
    return pid;
}

static bool refused(int error)
{
    return error == EINVAL || error == EPERM || error == ENOSYS;
}

bool spawn(char *const program[], const struct signals_given *given, struct child *child)
{
    /* Room for execute()'s path and some calls; no signal handler ever runs on it. Whole pages, to be given back. */
    static _Alignas(4096) char stack[16384];
    const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    struct task task = {.program = program, .given = given, .foreground = has_foreground()};

    /* Newest first. clone and not clone3: container engines' seccomp profiles answer ENOSYS to clone3. */
    child->pidfd = -1;
    child->pid = clone(become_program, stack + sizeof stack, flags | CLONE_PIDFD, &task, &child->pidfd);
    if (child->pid < 0 && refused(errno))
        child->pid = clone(become_program, stack + sizeof stack, flags, &task);
    if (child->pid < 0 && refused(errno))
        child->pid = plain_fork(&task);
    if (child->pid < 0)
        return false;
    /* Costs one system call and saves two pages. Where pages are larger it may fail, and the stack just stays. */
    (void)madvise(stack, sizeof stack, MADV_DONTNEED);
    return true;
}
