/* See remaining_processes.h. */
#include "remaining_processes.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "message.h"
#include "parse_values.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434        /* Linux 5.3 */
#define SYS_pidfd_send_signal 424 /* Linux 5.1 */
#endif

/* A directory entry; getdents64(2), for which libc has no type. */
struct entry {
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* Returns the parent of a process; 0 for PID 1, and when the process does not exist. */
static pid_t parent_of(pid_t pid)
{
    char path[sizeof "/proc//stat" + NUMBER_SIZE] = "/proc/";
    char room[NUMBER_SIZE], text[512];
    const char *end;
    uint32_t parent;

    /* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.strcpy): path has room for the longest number between both */
    strcat(strcat(path, format_number(pid, room)), "/stat");
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    /* pid (name) state parent …: the name may have any characters; it ends at the last parenthesis. */
    const char *after_name = strrchr(text, ')');
    if (!after_name || strlen(after_name) < 5 || !parse_number(after_name + 4, &end, INT32_MAX, &parent))
        return 0;
    return (pid_t)parent;
}

static bool is_descendant(pid_t pid)
{
    const pid_t self = getpid();

    for (pid = parent_of(pid); pid > 1; pid = parent_of(pid))
        if (pid == self)
            return true;
    return false;
}

/*
 * Signals a process if it is a descendant. A pidfd refers to the process while its parents are read, so that the signal
 * cannot reach a later process with that pid.
 */
static void signal_if_descendant(pid_t pid, int signal)
{
    const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (is_descendant(pid)) {
        if (pidfd >= 0)
            (void)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
        else
            (void)kill(pid, signal);
    }
    if (pidfd >= 0)
        close(pidfd);
}

/* Whether /proc belongs to the PID namespace of this process: otherwise its pids refer to other processes. */
static bool is_own_namespace(int folder)
{
    char self[NUMBER_SIZE + 1], room[NUMBER_SIZE];
    const ssize_t length = readlinkat(folder, "self", self, sizeof self - 1);

    if (length < 0)
        return false;
    self[length] = '\0';
    return strcmp(self, format_number(getpid(), room)) == 0;
}

bool signal_remaining_processes(int signal)
{
    _Alignas(struct entry) char entries[2048];
    uint32_t pid;
    long size;

    if (getpid() == 1) {
        (void)kill(-1, signal); /* not to the caller, and not outside its namespace: kill(2) */
        return true;
    }
    const int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return false;
    if (!is_own_namespace(folder)) {
        close(folder);
        return false;
    }
    while ((size = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0)
        for (long at = 0; at < size;) {
            const struct entry *entry = (const struct entry *)(entries + at);
            const char *end;

            at += entry->length;
            if (parse_number(entry->name, &end, INT32_MAX, &pid) && *end == '\0')
                signal_if_descendant((pid_t)pid, signal);
        }
    close(folder);
    return true;
}
