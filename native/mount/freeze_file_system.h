/* Freezing file systems, so that their device can be copied in a consistent state. */
#ifndef CASTLE_MOUNT_FREEZE_FILE_SYSTEM_H
#define CASTLE_MOUNT_FREEZE_FILE_SYSTEM_H

/*
 * Freezes the file system that is mounted from a device, prints `frozen`, and thaws it when standard input ends or the
 * time is over, whichever comes first; then it prints `thawed` or `late`. It does not matter where the file system is
 * mounted: it is reached by one more mount, in no mount namespace.
 *
 * A frozen file system blocks every process that writes to it, so a freeze must end whatever happens: the castle's end
 * closes standard input, the time is limited, all signals that can be blocked are, and thaw_device() is for the rest.
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
