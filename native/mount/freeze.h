/* File systems that stand still for a moment, so that what is on their device can be copied as it is. */
#ifndef CASTLE_MOUNT_FREEZE_H
#define CASTLE_MOUNT_FREEZE_H

/*
 * Freezes the file system that is mounted from a device, says `frozen` on standard output, and thaws it when standard
 * input ends or the time is over, whichever comes first; then it says `thawed`, or `late`. No signal that can be caught
 * ends it before. Where the file system is mounted does not matter: a mount of our own, which hangs nowhere, leads to it.
 *
 * uuid          that the file system must have
 * device        path of its block device
 * milliseconds  how long it may stand still at most
 *
 * Returns the exit status: 0, or 1 after `STEP ERRNO`.
 */
int freeze_device(const char *uuid, const char *device, int milliseconds);

/*
 * Thaws the file system of a device, should it be frozen: by whomever, as when what froze it was killed.
 *
 * Returns the exit status: 0 when it is not frozen any more, or was not.
 */
int thaw_device(const char *uuid, const char *device);

#endif
