/* Freezing file systems, so that their device can be copied in a consistent state. */
#ifndef CASTLE_MOUNT_FREEZE_FILE_SYSTEM_H
#define CASTLE_MOUNT_FREEZE_FILE_SYSTEM_H

/*
 * Freezes the file system that is mounted from a device, prints `frozen`, and thaws it when standard input ends or the
 * time is over, whichever comes first; then it prints `thawed` or `late`. The file system may be mounted anywhere: it
 * is accessed by an additional mount, in no mount namespace.
 *
 * A frozen file system blocks every process that writes to it, so every freeze must end. It ends when the castle ends,
 * which closes standard input, and at the time limit. All signals that can be blocked are blocked. If this process is
 * killed with SIGKILL, the castle calls thaw_device().
 *
 * uuid          that the file system must have
 * device        path of its block device
 * milliseconds  how long it may be frozen at most
 *
 * Returns the exit status: 0, or 1 after `STEP ERRNO`.
 */
int freeze_device(const char *uuid, const char *device, int milliseconds);

/*
 * Thaws the file system of a device if it is frozen, for example because the process that froze it was killed.
 *
 * Returns the exit status: 0 when it is not frozen.
 */
int thaw_device(const char *uuid, const char *device);

#endif
