/* What the castle does on an export itself, which is mounted for that moment only and nowhere. */
#ifndef CASTLE_MOUNT_EXPORT_H
#define CASTLE_MOUNT_EXPORT_H

/*
 * Does one act on an export. The arguments are SOURCE OPTIONS ACT and those of the act; all paths begin at the export.
 * Prints what was asked for, then the line `done`, or `failed STEP ERRNO SENTENCE`.
 *
 * Returns the exit status, or -1 when the arguments are none of these.
 */
int act_on_export(int count, char **arguments);

/* How the acts are called, for the usage. */
extern const char export_usage[];

#endif
