/* See idmap.h. */
#include "idmap.h"
#include "mount_calls.h"
#include "report.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The kernel accepts one page for a map, in a single write; user_namespaces(7). */
enum { MAP_BYTES = 4096 };

struct request {
    char users[MAP_BYTES], groups[MAP_BYTES];
    /* The new owner of the root folder, if chown is set. */
    uid_t owner;
    gid_t group;
    int chown;
};

static int print_owner(int tree)
{
    struct stat status;
    char line[64];

    if (fstat(tree, &status) != 0)
        return -1;
    (void)snprintf(line, sizeof line, "owner %u %u\n", status.st_uid, status.st_gid);
    print(line);
    return 0;
}

/* Reads all of stdin as text. Returns its length, or -1 and errno. */
static ssize_t read_all(char *text, size_t size)
{
    size_t length = 0;

    while (length < size - 1) {
        ssize_t got = read(STDIN_FILENO, text + length, size - 1 - length);

        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return -1;
        if (got == 0) {
            text[length] = '\0';
            return (ssize_t)length;
        }
        length += (size_t)got;
    }
    errno = E2BIG;
    return -1;
}

static int add_line(char map[MAP_BYTES], const char *line)
{
    size_t length = strlen(map);
    int added = snprintf(map + length, MAP_BYTES - length, "%s\n", line);

    if (added < 0 || (size_t)added >= MAP_BYTES - length) {
        errno = E2BIG;
        return -1;
    }
    return 0;
}

static int read_owner(struct request *request, const char *text)
{
    char *end;

    request->owner = (uid_t)strtoul(text, &end, 10);
    request->group = (gid_t)strtoul(end, &end, 10);
    request->chown = *end == '\0';
    errno = EINVAL;
    return request->chown ? 0 : -1;
}

static int read_idmap_request(struct request *request)
{
    char text[2 * MAP_BYTES], *rest = NULL, *line;

    memset(request, 0, sizeof *request);
    if (read_all(text, sizeof text) == -1)
        return -1;
    for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        int read_it = -1;

        errno = EINVAL;
        if (strncmp(line, "u ", 2) == 0)
            read_it = add_line(request->users, line + 2);
        else if (strncmp(line, "g ", 2) == 0)
            read_it = add_line(request->groups, line + 2);
        else if (strncmp(line, "c ", 2) == 0)
            read_it = read_owner(request, line + 2);
        if (read_it != 0)
            return -1;
    }
    return 0;
}

static int write_map(pid_t child, const char *name, const char *map)
{
    char path[64];
    size_t length = strlen(map);
    ssize_t written;
    int file, error;

    (void)snprintf(path, sizeof path, "/proc/%d/%s", child, name);
    file = open(path, O_WRONLY | O_CLOEXEC);
    if (file == -1)
        return -1;
    written = write(file, map, length);
    error = errno;
    close(file);
    errno = error;
    return written == (ssize_t)length ? 0 : -1;
}

/* Opens the user namespace while the child is in it: the descriptor keeps the namespace when no process is left. */
static int open_mapped(pid_t child, const struct request *request)
{
    char path[64];

    if (write_map(child, "uid_map", request->users) != 0 || write_map(child, "gid_map", request->groups) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "/proc/%d/ns/user", child);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Creates a user namespace with the maps. No program ever runs in it. Returns a descriptor, or -1 and errno. */
static int make_user_namespace(const struct request *request)
{
    int hold[2], namespace, error;
    pid_t child;

    if (pipe2(hold, O_CLOEXEC) != 0)
        return -1;
    child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        char byte;

        close(hold[1]);
        /* Waits until the parent has opened the namespace, or was killed: either closes the pipe. */
        (void)!read(hold[0], &byte, 1);
        _exit(0);
    }
    namespace = child == -1 ? -1 : open_mapped(child, request);
    error = errno;
    close(hold[0]);
    close(hold[1]);
    while (child > 0 && waitpid(child, NULL, 0) == -1 && errno == EINTR)
        ;
    errno = error;
    return namespace;
}

static int map_ids(int tree, const struct request *request)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP};
    int namespace = make_user_namespace(request);
    int result, error;

    if (namespace == -1)
        return -1;
    attributes.userns_fd = (uint64_t)namespace;
    result = set_mount_attributes(tree, &attributes);
    error = errno;
    close(namespace);
    errno = error;
    return result;
}

int apply_idmap(int tree, const char **step)
{
    struct request request;

    *step = "owner";
    if (print_owner(tree) != 0)
        return -1;
    *step = "ids";
    if (read_idmap_request(&request) != 0)
        return -1;
    *step = "chown";
    if (request.chown && fchownat(tree, "", request.owner, request.group, AT_EMPTY_PATH) != 0)
        return -1;
    *step = "idmap";
    return request.users[0] == '\0' ? 0 : map_ids(tree, &request);
}
