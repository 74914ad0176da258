/*
 * A client of the castle, for containers: lease-client SOCKET. For each line `VOLUME TARGET` on standard input it requests
 * the volume, checks the mount, and prints the milliseconds from request to mount, or why the request failed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char answer[8192];

static double now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* Sends the request and reads the whole answer. Returns 0 on failure. */
static int request_volume(const char *socket_path, const char *volume, const char *target)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char request[8192], body[4096];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int length;
    size_t filled = 0;
    ssize_t got = 0;

    strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
    length = snprintf(body, sizeof body, "{\"volume\":\"%s\",\"target\":\"%s\"}", volume, target);
    length = snprintf(request, sizeof request,
                      "POST /v1/leases HTTP/1.1\r\nhost: castle\r\nconnection: close\r\n"
                      "content-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
                      length, body);
    if (fd == -1 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0
        || write(fd, request, (size_t)length) != length)
        return 0;
    while (filled < sizeof answer - 1 && (got = read(fd, answer + filled, sizeof answer - 1 - filled)) > 0)
        filled += (size_t)got;
    answer[filled] = 0;
    close(fd);
    return got == 0;
}

/* The id of the mount that contains a folder (proc_pid_fdinfo(5)). */
static long mount_id(const char *folder)
{
    char path[64], text[1024] = "";
    const char *line;
    int fd = open(folder, O_PATH | O_CLOEXEC), info;
    long id = -1;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    info = open(path, O_RDONLY | O_CLOEXEC);
    if (info != -1 && read(info, text, sizeof text - 1) > 0 && (line = strstr(text, "mnt_id:")) != NULL)
        id = atol(line + strlen("mnt_id:"));
    close(info);
    close(fd);
    return id;
}

int main(int argc, char **argv)
{
    char volume[1024], target[1024];

    if (argc != 2)
        return 64;
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    while (scanf("%1023s %1023s", volume, target) == 2) {
        const double begin = now_ms();
        const char *id;

        if (!request_volume(argv[1], volume, target))
            puts("failed: no answer");
        else if ((id = strstr(answer, "\"mountId\":")) == NULL || strncmp(answer, "HTTP/1.1 201", 12) != 0)
            printf("failed: %.12s\n", answer);
        else if (mount_id(target) != atol(id + strlen("\"mountId\":")))
            puts("failed: the volume is not mounted");
        else
            printf("%.3f\n", now_ms() - begin);
    }
    return 0;
}
