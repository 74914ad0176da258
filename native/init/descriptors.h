/* The descriptors that bailey-init was started with. */
#ifndef BAILEY_DESCRIPTORS_H
#define BAILEY_DESCRIPTORS_H

/*
 * Opens standard input, output and error on /dev/null where they are closed, for this process and the program.
 * Otherwise the next descriptor that is opened would get that number, and the program would read from it or write to
 * it.
 */
void open_missing_standard_descriptors(void);

/*
 * Closes every descriptor from 3 on except one, in this process alone, so that it does not keep pipes open for ever.
 * @param kept a descriptor, or -1
 */
void close_inherited(int kept);

#endif
