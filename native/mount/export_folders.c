/* See export_folders.h. */
#include "export_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int format_path(char path[NAME_SIZE], const char *folder, const char *prefix, const char *name, const char *more)
{
    int length = snprintf(path, NAME_SIZE, "%s/%s%s%s%s", folder, prefix, name, *more == '\0' ? "" : "~", more);

    if (length >= 0 && length < NAME_SIZE)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

int make_folder(int base, const char *path, mode_t mode)
{
    return mkdirat(base, path, mode) == 0 || errno == EEXIST ? 0 : -1;
}

int open_folder_at(int base, const char *path)
{
    return openat(base, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

DIR *open_entries(int base, const char *path)
{
    int folder = open_folder_at(base, path);
    DIR *entries = folder == -1 ? NULL : fdopendir(folder);

    if (entries == NULL && folder != -1)
        close(folder);
    return entries;
}

const struct dirent *next_entry(DIR *entries)
{
    const struct dirent *entry;

    do
        entry = readdir(entries);
    while (entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    return entry;
}

/* NOLINTNEXTLINE(misc-no-recursion): as remove_tree. */
static int remove_entries(DIR *entries)
{
    const struct dirent *entry;

    errno = 0;
    while ((entry = next_entry(entries)) != NULL) {
        if (unlinkat(dirfd(entries), entry->d_name, 0) != 0 && errno != ENOENT) {
            if (errno != EISDIR && errno != EPERM)
                return -1;
            if (remove_tree(dirfd(entries), entry->d_name) != 0)
                return -1;
        }
        errno = 0;
    }
    return errno == 0 ? 0 : -1;
}

/* NOLINTNEXTLINE(misc-no-recursion): each level has an open descriptor, whose number is limited. */
int remove_tree(int base, const char *path)
{
    int tries, error = 0;

    /*
     * Removing entries while a folder is read can hide others, depending on the server: read it again until it is
     * empty.
     */
    for (tries = 0; tries < 8; tries++) {
        DIR *entries = open_entries(base, path);

        if (entries == NULL)
            return errno == ENOENT ? 0 : -1;
        error = remove_entries(entries) == 0 ? 0 : errno;
        closedir(entries);
        if (error != 0)
            break;
        if (unlinkat(base, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        error = errno;
        if (error != ENOTEMPTY && error != EEXIST)
            break;
    }
    errno = error;
    return -1;
}
