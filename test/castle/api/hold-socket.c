/*
 * hold-socket dgram|full PATH: holds a unix socket that refuses connections although its owner is alive, prints "ready",
 * and waits for the end of its standard input. `dgram` creates a datagram socket; `full` a listening socket whose backlog
 * is full, like that of a stopped castle.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int failed(const char *what)
{
    perror(what);
    return 1;
}

static int fill(const struct sockaddr_un *address)
{
    for (;;) {
        int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

        if (client == -1)
            return failed("socket");
        if (connect(client, (const struct sockaddr *)address, sizeof *address) != 0)
            return errno == EAGAIN ? 0 : failed("connect");
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char byte;
    int is_full, fd;

    if (argc != 3 || strlen(argv[2]) >= sizeof address.sun_path)
        return 64;
    is_full = strcmp(argv[1], "full") == 0;
    strcpy(address.sun_path, argv[2]);
    fd = socket(AF_UNIX, is_full ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (fd == -1)
        return failed("socket");
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return failed("bind");
    if (is_full && (listen(fd, 1) != 0 || fill(&address) != 0))
        return failed("listen");
    puts("ready");
    fflush(stdout);
    return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : failed("read");
}
