/*
 * Folders below a descriptor. An attacker who can write there, as another client of the NFS server can, could put a
 * symbolic link in place of a folder: none of these functions follows one.
 */
#ifndef CASTLE_MOUNT_EXPORT_FOLDERS_H
#define CASTLE_MOUNT_EXPORT_FOLDERS_H

#include <dirent.h>
#include <sys/types.h>

enum { NAME_SIZE = 512 };

/*
 * Formats FOLDER/PREFIXNAME, followed by ~MORE unless more is empty. Returns 0, or -1 and errno when it is too long.
 */
int format_path(char path[NAME_SIZE], const char *folder, const char *prefix, const char *name, const char *more);

/* Creates a folder unless it exists. Returns 0, or -1 and errno. */
int make_folder(int base, const char *path, mode_t mode);

/* Opens a folder for reading, but not a symbolic link. Returns its descriptor, or -1 and errno. */
int open_folder_at(int base, const char *path);

/* Opens a folder to read its entries. Returns NULL and errno when that fails. */
DIR *open_entries(int base, const char *path);

/* Returns the next entry except `.` and `..`; NULL at the end. */
const struct dirent *next_entry(DIR *entries);

/* Removes a folder and everything in it. It succeeds if the folder does not exist. Returns 0, or -1 and errno. */
int remove_tree(int base, const char *path);

#endif
