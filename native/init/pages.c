#include "pages.h"

#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096 }; /* where pages are larger, madvise(2) refuses the odd ends, and nothing is lost */

char *page_below(char *address)
{
    return address - ((uintptr_t)address & (PAGE - 1));
}

void give_back_pages(char *from, char *to)
{
    char *const first = page_below(from + PAGE - 1);
    char *const last = page_below(to);

    if (first < last)
        (void)madvise(first, (size_t)(last - first), MADV_DONTNEED);
}

void give_back_start(void)
{
    /* From the linker: the section that the Makefile names, and the first byte of the writable segment. */
    extern char __start_not_resident[], __init_array_start[];

    give_back_pages(__start_not_resident, __init_array_start);
}
