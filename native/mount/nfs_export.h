/*
 * Operations of the castle in an NFS export. The export is mounted for the time of one operation, in no mount
 * namespace.
 */
#ifndef CASTLE_MOUNT_NFS_EXPORT_H
#define CASTLE_MOUNT_NFS_EXPORT_H

/*
 * Runs one action on an export. The arguments are SOURCE OPTIONS ACTION and those of the action; all paths begin at the
 * root of the export. Prints the result, then the line `done`, or `failed STEP ERRNO SENTENCE`.
 *
 * Returns the exit status, or -1 for an unknown action.
 */
int run_export_action(int count, char **arguments);

/* The usage of the actions. */
extern const char export_usage[];

#endif
