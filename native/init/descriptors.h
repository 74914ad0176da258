#ifndef BAILEY_DESCRIPTORS_H
#define BAILEY_DESCRIPTORS_H

/*
 * Opens those of standard input, output and error that are closed on /dev/null, for us and for the program.
 * Otherwise a descriptor of ours would land there, and be read from or written to as if it were a terminal.
 */
void open_missing_standard_descriptors(void);

/*
 * Closes every descriptor from 3 on except one, in this process alone: pipes that we would keep open for ever.
 * @param kept a descriptor, or -1
 */
void close_inherited(int kept);

#endif
