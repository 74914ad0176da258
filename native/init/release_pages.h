#ifndef BAILEY_RELEASE_PAGES_H
#define BAILEY_RELEASE_PAGES_H

/* Of all kernels' pages. */
enum { SMALLEST_PAGE = 4096 };

/* The last beginning of a page, of the smallest size, that isn't behind an address. */
char *round_down_to_page(char *address);

/*
 * Gives the whole pages between two addresses back to the kernel. What is read there later comes from the file again, or
 * is zero. Where it fails, the pages just stay.
 */
void release_pages(char *from, char *to);

/*
 * Gives back the code and the constants that only the start and the end need, and messages; who needs them again gets
 * them from the file. The kernel maps up to sixteen pages around each one that is touched (fault_around_bytes), so this
 * has to be called by code that stays, and that touches nothing else afterwards.
 */
void release_startup_pages(void);

#endif
