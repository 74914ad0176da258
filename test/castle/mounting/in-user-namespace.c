/*
 * Runs a program in a new user namespace, as a user of that namespace, as Docker does with userns-remap:
 *
 *   in-user-namespace FIRST UID PROGRAM [ARGUMENT...]
 *
 * The ids 0 to 65535 inside are mapped to 65536 ids from FIRST on outside. Root has to call it as process 1 of a PID
 * namespace with its own /proc, because a child that stays in the outer user namespace writes the maps of process 1.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_map(const char *path, const char *map)
{
    int file = open(path, O_WRONLY);

    if (file == -1 || write(file, map, strlen(map)) == -1) {
        perror(path);
        _exit(1);
    }
}

int main(int argc, char **argv)
{
    int inside[2], status;
    char map[64], byte;
    pid_t outside;
    unsigned int user;

    if (argc < 4 || pipe(inside) != 0)
        return 64;
    user = (unsigned int)atoi(argv[2]);
    (void)snprintf(map, sizeof map, "0 %s 65536\n", argv[1]);
    outside = fork();
    if (outside == 0) {
        if (read(inside[0], &byte, 1) != 1)
            _exit(1);
        write_map("/proc/1/uid_map", map);
        write_map("/proc/1/gid_map", map);
        _exit(0);
    }
    if (outside == -1 || unshare(CLONE_NEWUSER) != 0 || write(inside[1], "x", 1) != 1 ||
        waitpid(outside, &status, 0) != outside || status != 0) {
        perror("user namespace");
        return 1;
    }
    if (setgroups(0, NULL) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) {
        perror("user");
        return 1;
    }
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
}
