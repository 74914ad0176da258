/* Gives memory back to the kernel after the start, so that only a few pages of bailey-init stay resident. */
#ifndef BAILEY_RELEASE_PAGES_H
#define BAILEY_RELEASE_PAGES_H

/* The smallest page of any kernel, in bytes. */
enum { SMALLEST_PAGE = 4096 };

/* Returns the address, rounded down to a page of the smallest size. */
char *round_down_to_page(char *address);

/*
 * Gives the whole pages between two addresses back to the kernel. A later read there gets the content of the file
 * again, or zeros. If it fails, the pages stay.
 */
void release_pages(char *from, char *to);

/*
 * Gives back the code and the constants that only the start, the end and messages need; a later use reads them from the
 * file again. The kernel maps up to sixteen pages around each page that is touched (fault_around_bytes), so only
 * resident code may call this, and must touch nothing else afterwards.
 */
void release_startup_pages(void);

#endif
