/* See volume_claim.h. */
#include "volume_claim.h"
#include "export_folders.h"
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLAIMS ".claims"

static int write_text(int folder, const char *name, const char *text)
{
    size_t length = strlen(text);
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int good;

    if (file == -1)
        return -1;
    good = write(file, text, length) == (ssize_t)length && fsync(file) == 0;
    /* NFS reports a failed write at close(2), too. */
    return close(file) == 0 && good ? 0 : -1;
}

/* The paths of a claim: where it is created, its final place, and its file there. */
struct claim_paths {
    char made[NAME_SIZE], claim[NAME_SIZE], file[NAME_SIZE];
};

static int set_claim_paths(struct claim_paths *claim_paths, const char *volume, const char *claimant)
{
    return format_path(claim_paths->made, CLAIMS, ".new", volume, claimant) == 0 && format_path(claim_paths->claim, CLAIMS, "", volume, "") == 0 &&
                   format_path(claim_paths->file, claim_paths->claim, "", claimant, "") == 0
               ? 0
               : -1;
}

static int is_there(int export, const char *path)
{
    struct stat status;

    return fstatat(export, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static int make(int export, const char *made, const char *claimant, const char *text)
{
    int folder, result;

    if (make_folder(export, CLAIMS, 0700) != 0 || make_folder(export, made, 0700) != 0)
        return -1;
    folder = open_folder_at(export, made);
    if (folder == -1)
        return -1;
    result = write_text(folder, claimant, text);
    close(folder);
    return result;
}

int take_claim(int export, const char *volume, const char *claimant, const char *text)
{
    struct claim_paths claim_paths;
    int error;

    if (set_claim_paths(&claim_paths, volume, claimant) != 0)
        return -1;
    if (is_there(export, claim_paths.file))
        return 0;
    if (make(export, claim_paths.made, claimant, text) != 0)
        return -1;
    if (renameat(export, claim_paths.made, export, claim_paths.claim) == 0)
        return 0;
    error = errno;
    /* The answer of the server may have been lost, and the repeated request fails though the first one succeeded. */
    if (is_there(export, claim_paths.file))
        return 0;
    (void)remove_tree(export, claim_paths.made);
    errno = error == ENOTEMPTY ? EEXIST : error;
    return -1;
}

int give_up_claim(int export, const char *volume, const char *claimant)
{
    struct claim_paths claim_paths;

    if (set_claim_paths(&claim_paths, volume, claimant) != 0)
        return -1;
    if (unlinkat(export, claim_paths.file, 0) != 0 && errno != ENOENT)
        return -1;
    /* Not empty: another host has claimed it meanwhile. */
    if (unlinkat(export, claim_paths.claim, AT_REMOVEDIR) != 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
        return -1;
    return 0;
}

static int print_text(int folder, const char *name)
{
    char text[1024];
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t length;

    if (file == -1)
        return -1;
    length = read(file, text, sizeof text - 1);
    close(file);
    if (length == -1)
        return -1;
    text[length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    print(name);
    print("\n");
    print(text);
    print("\n");
    return 0;
}

int print_claim(int export, const char *volume)
{
    char claim[NAME_SIZE];
    const struct dirent *entry;
    DIR *entries;
    int result = 0;

    if (format_path(claim, CLAIMS, "", volume, "") != 0)
        return -1;
    entries = open_entries(export, claim);
    if (entries == NULL)
        return errno == ENOENT ? 0 : -1;
    while (result == 0 && (entry = next_entry(entries)) != NULL)
        result = print_text(dirfd(entries), entry->d_name);
    closedir(entries);
    return result;
}

int print_claims_of(int export, const char *claimant)
{
    const struct dirent *entry;
    DIR *claims = open_entries(export, CLAIMS);

    if (claims == NULL)
        return errno == ENOENT ? 0 : -1;
    while ((entry = next_entry(claims)) != NULL) {
        char file[NAME_SIZE];

        if (entry->d_name[0] == '.' || format_path(file, entry->d_name, "", claimant, "") != 0 || !is_there(dirfd(claims), file))
            continue;
        print(entry->d_name);
        print("\n");
    }
    closedir(claims);
    return 0;
}
