/* See cgroup_memory.h. */
#include "cgroup_memory.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The files of each version of cgroups. In a container, its own cgroup is mounted there. */
static const struct version {
    const char *events, *limit, *peak;
} versions[] = {
    /* memory.peak: Linux 5.19. */
    {"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.peak"},
    /* oom_kill in memory.oom_control: Linux 4.13. */
    {"/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
     "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"},
};

/* Version 1 shows a missing limit as a very large number. */
static const uint64_t no_limit = 1ull << 60;

static bool read_file(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (fd < 0)
        return false;
    length = read(fd, text, size - 1);
    close(fd);
    if (length < 0)
        return false;
    text[length] = '\0';
    return true;
}

static uint64_t leading_number(const char *text)
{
    uint64_t value = 0;

    for (; *text >= '0' && *text <= '9' && value < no_limit; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value < no_limit ? value : 0;
}

static uint64_t number_in(const char *path)
{
    char text[32];

    return read_file(path, text, sizeof text) ? leading_number(text) : 0;
}

/* Returns the value of the line `name value`; 0 without such a line. */
static uint64_t value_of(const char *text, const char *name)
{
    const size_t length = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return leading_number(line + length + 1);
    }
    return 0;
}

bool read_cgroup_memory(struct cgroup_memory *memory)
{
    char text[512];

    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (read_file(versions[i].events, text, sizeof text)) {
            memory->kills = value_of(text, "oom_kill");
            memory->limit = number_in(versions[i].limit);
            memory->peak = number_in(versions[i].peak);
            return true;
        }
    return false;
}
