/* The descriptors that bailey-init was started with. */
#ifndef BAILEY_DESCRIPTORS_H
#define BAILEY_DESCRIPTORS_H

/*
 * Opens those of standard input, output and error on /dev/null that are closed, for this process and the program.
 * Otherwise the next descriptor that is opened would get the number, and the program would read from it or write to it.
 */
void open_missing_standard_descriptors(void);

/*
 * Closes every descriptor from 3 on except one, in this process only, so that this process does not keep pipes open.
 * @param kept a descriptor, or -1
 */
void close_inherited(int kept);

#endif
