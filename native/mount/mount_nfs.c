/* See mount_nfs.h. */
#include "mount_nfs.h"
#include "mount_calls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int set_option(int context, char *option)
{
    char *value = strchr(option, '=');

    if (value == NULL)
        return configure_flag(context, option);
    *value = '\0';
    return configure_string(context, option, value + 1);
}

static int set_options(int context, const char *source, char *options)
{
    char *rest = NULL, *option;

    if (configure_string(context, "source", source) != 0)
        return -1;
    for (option = strtok_r(options, ",", &rest); option != NULL; option = strtok_r(NULL, ",", &rest))
        if (set_option(context, option) != 0)
            return -1;
    return configure_create(context);
}

/* Each read from the context returns one message of the kernel, after a letter and a blank; fsopen(2). */
static void read_log(int context, char log[LOG_SIZE])
{
    char message[LOG_SIZE];
    ssize_t length;

    while ((length = read(context, message, sizeof message - 1)) > 2) {
        message[length] = '\0';
        (void)memcpy(log, message + 2, (size_t)length - 1);
        log[strcspn(log, "\n")] = '\0';
    }
}

int mount_nfs(const char *source, char *options, unsigned int attributes, char log[LOG_SIZE])
{
    int context = open_file_system("nfs4");
    int tree, error;

    log[0] = '\0';
    if (context == -1)
        return -1;
    tree = set_options(context, source, options) == 0 ? mount_file_system(context, attributes) : -1;
    error = errno;
    if (tree == -1)
        read_log(context, log);
    close(context);
    errno = error;
    return tree;
}

int exit_with_parent(void)
{
    struct pollfd reader = {.fd = STDOUT_FILENO};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return -1;
    /* If the parent has ended before, no process reads standard output: pipes report POLLERR, sockets POLLHUP. */
    if (poll(&reader, 1, 0) == -1)
        return -1;
    if ((reader.revents & (POLLERR | POLLHUP)) == 0)
        return 0;
    errno = EPIPE;
    return -1;
}
