/* Creates a zombie child and executes a program: zombie-before-exec PROGRAM [ARGUMENT...] */
#define _GNU_SOURCE
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    siginfo_t ended;

    if (argc < 2)
        return 64;
    const pid_t child = fork();
    if (child == 0)
        _exit(1);
    if (child < 0 || waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT) < 0)
        return 71;
    execvp(argv[1], argv + 1);
    return 127;
}
