/* Like the controller's restarter in an agent (jenkins.slaves.restarter.UnixSlaveRestarter): marks all descriptors but the
 * first three close-on-exec, then executes the program again with the same arguments. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <jni.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

JNIEXPORT void JNICALL Java_Agent_restart(JNIEnv *env, jclass agent)
{
    static char text[65536], *argv[1024], java[4096];
    const int line = open("/proc/self/cmdline", O_RDONLY);
    const ssize_t length = read(line, text, sizeof text - 1);
    int count = 0;

    (void)env;
    (void)agent;
    for (char *word = text; word < text + length && count < 1023; word += strlen(word) + 1)
        argv[count++] = word;
    for (int fd = 3; fd < 4096; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (readlink("/proc/self/exe", java, sizeof java - 1) > 0)
        execv(java, argv);
    perror("execv");
}
