/*
 * pass-on exec|fork SOCKET VOLUME TARGET: connects to a castle and sends the request from another program on that
 * connection: `exec`, the program that this process executes; `fork`, a child that inherits the connection and outlives
 * this process. Prints the response.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
    perror(what);
    return 1;
}

static int ask(int fd, const char *volume, const char *target)
{
    char body[8192], text[12288], answer[16384];
    ssize_t length;

    snprintf(body, sizeof body, "{\"volume\": \"%s\", \"target\": \"%s\"}", volume, target);
    snprintf(text, sizeof text,
             "POST /v1/leases HTTP/1.1\r\nhost: castle\r\nconnection: close\r\ncontent-type: application/json\r\n"
             "content-length: %zu\r\n\r\n%s",
             strlen(body), body);
    if (write(fd, text, strlen(text)) == -1)
        return failed("write");
    while ((length = read(fd, answer, sizeof answer)) > 0)
        fwrite(answer, 1, (size_t)length, stdout);
    return length == 0 ? 0 : failed("read");
}

/* The child sends the request when its parent, which connected, has been reaped: then the parent's pid can be reused. */
static int ask_as_orphan(int fd, char **argv)
{
    pid_t connected = fork();

    if (connected == -1)
        return failed("fork");
    if (connected == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        pid_t heir;

        strcpy(address.sun_path, argv[2]);
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
            return failed("connect");
        heir = fork();
        if (heir == -1)
            return failed("fork");
        if (heir != 0)
            return 0;
        while (getppid() != 1)
            poll(NULL, 0, 1);
        return ask(fd, argv[3], argv[4]);
    }
    return waitpid(connected, NULL, 0) == -1 ? failed("waitpid") : 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char number[16];
    int fd;

    if (argc == 6 && strcmp(argv[1], "asks") == 0)
        return ask(atoi(argv[5]), argv[3], argv[4]);
    if (argc != 5 || strlen(argv[2]) >= sizeof address.sun_path)
        return 64;
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd == -1)
        return failed("socket");
    if (strcmp(argv[1], "fork") == 0)
        return ask_as_orphan(fd, argv);
    strcpy(address.sun_path, argv[2]);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return failed("connect");
    snprintf(number, sizeof number, "%d", fd);
    execl("/proc/self/exe", argv[0], "asks", argv[2], argv[3], argv[4], number, (char *)NULL);
    return failed("execl");
}
