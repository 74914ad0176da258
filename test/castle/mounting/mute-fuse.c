/*
 * mute-fuse FOLDER: a FUSE file system whose server prints "ready" and answers no request after FUSE_INIT: a process that
 * looks up a path in it waits in state D until the server ends.
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char request[1 << 18];
    const struct fuse_in_header *received = (const void *)request;
    struct {
        struct fuse_out_header header;
        struct fuse_init_out init;
    } answer = {.init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096}};
    char options[128];
    int fd = open("/dev/fuse", O_RDWR);

    if (argc != 2 || fd == -1)
        return perror("/dev/fuse"), 1;
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
    if (mount("mute", argv[1], "fuse", 0, options) != 0 || read(fd, request, sizeof request) == -1)
        return perror("fuse"), 1;
    answer.header.len = sizeof answer;
    answer.header.unique = received->unique;
    if (write(fd, &answer, sizeof answer) == -1)
        return perror("init"), 1;
    puts("ready");
    fflush(stdout);
    while (read(fd, request, sizeof request) != -1)
        ;
    return 0;
}
