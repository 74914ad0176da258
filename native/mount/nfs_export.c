/* See nfs_export.h. */
#include "nfs_export.h"
#include "export_folders.h"
#include "mount_calls.h"
#include "mount_nfs.h"
#include "report.h"
#include "volume_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char export_usage[] = "       castle-mount export SOURCE OPTIONS kind PATH\n"
                            "       castle-mount export SOURCE OPTIONS list PATH\n"
                            "       castle-mount export SOURCE OPTIONS make PATH UID GID\n"
                            "       castle-mount export SOURCE OPTIONS folder PATH\n"
                            "       castle-mount export SOURCE OPTIONS move FROM TO\n"
                            "       castle-mount export SOURCE OPTIONS remove-empty PATH\n"
                            "       castle-mount export SOURCE OPTIONS remove-tree PATH\n"
                            "       castle-mount export SOURCE OPTIONS claim VOLUME CLAIMANT TEXT\n"
                            "       castle-mount export SOURCE OPTIONS give-up VOLUME CLAIMANT\n"
                            "       castle-mount export SOURCE OPTIONS claimant VOLUME\n"
                            "       castle-mount export SOURCE OPTIONS claims CLAIMANT\n";

/* An action gets a descriptor of the root of the export and its own arguments. It returns 0, or -1 and errno. */
typedef int export_action(int export, char **arguments);

/* Prints `folder`, `other`, or nothing when the path does not exist. */
static int kind(int export, char **arguments)
{
    struct stat status;

    if (fstatat(export, arguments[0], &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -1;
    print(S_ISDIR(status.st_mode) ? "folder\n" : "other\n");
    return 0;
}

/* Prints the entries of a folder, a line each; nothing when the folder does not exist. */
static int list(int export, char **arguments)
{
    const struct dirent *entry;
    DIR *entries = open_entries(export, arguments[0]);

    if (entries == NULL)
        return errno == ENOENT ? 0 : -1;
    for (errno = 0; (entry = next_entry(entries)) != NULL; errno = 0) {
        /* The castle creates no such name, and the castle would read it as two names. */
        if (strchr(entry->d_name, '\n') != NULL)
            continue;
        print(entry->d_name);
        print("\n");
    }
    if (errno != 0)
        return -1;
    closedir(entries);
    return 0;
}

/*
 * Creates a folder with an owner. Where the server maps all users to one (all_squash), chown fails, but the folder may
 * have the right owner already.
 */
static int make(int export, char **arguments)
{
    uid_t uid = (uid_t)strtoul(arguments[1], NULL, 10);
    gid_t gid = (gid_t)strtoul(arguments[2], NULL, 10);
    struct stat status;
    int folder;

    if (mkdirat(export, arguments[0], 0755) != 0)
        return -1;
    folder = open_folder_at(export, arguments[0]);
    if (folder == -1 || fstat(folder, &status) != 0)
        return -1;
    if ((status.st_uid != uid || status.st_gid != gid) && fchown(folder, uid, gid) != 0)
        return -1;
    return (status.st_mode & 07777) == 0755 ? 0 : fchmod(folder, 0755);
}

static int folder(int export, char **arguments)
{
    return make_folder(export, arguments[0], 0700);
}

static int move(int export, char **arguments)
{
    struct stat status;

    if (renameat(export, arguments[0], export, arguments[1]) == 0)
        return 0;
    /* The answer of the server may have been lost, and the repeated request fails though the first one succeeded. */
    if (errno == ENOENT && fstatat(export, arguments[1], &status, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    return -1;
}

static int remove_empty(int export, char **arguments)
{
    return unlinkat(export, arguments[0], AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

static int remove_tree_action(int export, char **arguments)
{
    return remove_tree(export, arguments[0]);
}

static int claim(int export, char **arguments)
{
    return take_claim(export, arguments[0], arguments[1], arguments[2]);
}

static int give_up(int export, char **arguments)
{
    return give_up_claim(export, arguments[0], arguments[1]);
}

static int claimant(int export, char **arguments)
{
    return print_claim(export, arguments[0]);
}

static int claims(int export, char **arguments)
{
    return print_claims_of(export, arguments[0]);
}

static const struct {
    const char *name;
    int arguments;
    export_action *action;
} actions[] = {
    {"kind", 1, kind},
    {"list", 1, list},
    {"make", 3, make},
    {"folder", 1, folder},
    {"move", 2, move},
    {"remove-empty", 1, remove_empty},
    {"remove-tree", 1, remove_tree_action},
    {"claim", 3, claim},
    {"give-up", 2, give_up},
    {"claimant", 1, claimant},
    {"claims", 1, claims},
};

static int run(export_action *action, char **arguments, const char *source, char *options)
{
    char log[LOG_SIZE];
    int export;

    if (exit_with_parent() != 0)
        return report_export_failure("parent", "");
    export = mount_nfs(source, options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, log);
    if (export == -1)
        return report_export_failure("export", log);
    if (action(export, arguments) != 0)
        return report_export_failure("act", "");
    print("done\n");
    return 0;
}

int run_export_action(int count, char **arguments)
{
    size_t at;

    for (at = 0; count >= 3 && at < sizeof actions / sizeof *actions; at++)
        if (strcmp(actions[at].name, arguments[2]) == 0 && actions[at].arguments == count - 3)
            return run(actions[at].action, arguments + 3, arguments[0], arguments[1]);
    return -1;
}
