/* Folders below a descriptor: nothing that somebody may have put there is followed out of it. */
#ifndef CASTLE_MOUNT_FOLDERS_H
#define CASTLE_MOUNT_FOLDERS_H

#include <dirent.h>
#include <sys/types.h>

enum { NAME_SIZE = 512 };

/*
 * Puts FOLDER/PREFIXNAME together, with `~` and more behind it unless that is empty. Returns 0, or -1 and errno when it is
 * too long.
 */
int name_path(char path[NAME_SIZE], const char *folder, const char *prefix, const char *name, const char *more);

/* Makes a folder unless it is there. Returns 0, or -1 and errno. */
int make_folder(int base, const char *path, mode_t mode);

/* Opens a folder for reading; a symlink in its place is not one. Returns its descriptor, or -1 and errno. */
int open_folder_at(int base, const char *path);

/* Opens a folder for a look at its entries. Returns NULL and errno when it can't. */
DIR *open_entries(int base, const char *path);

/* The next entry but `.` and `..`; NULL at the end. */
const struct dirent *next_entry(DIR *entries);

/* Removes a folder and everything in it; what isn't there is removed. Returns 0, or -1 and errno. */
int remove_tree(int base, const char *path);

#endif
