/*
 * Executes a program under a seccomp filter that refuses one system call, as the profiles of some container engines do:
 * seccomp-refuse CALL ERRNO PROGRAM [ARGUMENT...]
 * CALL is a row of the table below; ERRNO is a number.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A system call is refused when its first or second argument (the lower half) has one of these bits; always for 0. */
static const struct {
    const char *name;
    unsigned int call;
    unsigned int argument;
    unsigned int bits;
} calls[] = {
    {"clone-pidfd", SYS_clone, 0, 0x1000},
    {"clone-vfork", SYS_clone, 0, CLONE_VFORK},
    {"clone", SYS_clone, 0, ~0u},
    {"get-info", SYS_ioctl, 1, 0x80000000},
    {"pidfd-send-signal", SYS_pidfd_send_signal, 0, ~0u},
    {"signalfd", SYS_signalfd4, 0, ~0u},
    {"sigtimedwait", SYS_rt_sigtimedwait, 0, 0},
    {"epoll-create", SYS_epoll_create1, 0, 0},
    {"epoll-ctl", SYS_epoll_ctl, 0, ~0u},
    {"epoll-wait", SYS_epoll_pwait, 0, ~0u},
};

static int refuse(unsigned int call, unsigned int argument, unsigned int bits, unsigned int error)
{
    const unsigned int low_half = (unsigned int)(offsetof(struct seccomp_data, args) + argument * 8);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low_half),
        bits ? (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0)
             : (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 64;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(calls[i].name, argv[1]) != 0)
            continue;
        if (refuse(calls[i].call, calls[i].argument, calls[i].bits, (unsigned int)atoi(argv[2])) < 0) {
            perror("seccomp");
            return 70;
        }
        execvp(argv[3], argv + 3);
        return 127;
    }
    return 64;
}
