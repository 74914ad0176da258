/* See release_pages.h. */
#include "release_pages.h"

#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/*
 * Returns the page size of the kernel: x86 has one; arm64 kernels have 4, 16 or 64 KB. With a wrong size, madvise(2)
 * would refuse an address that is not at the start of a page, or round the length up and discard data after the range.
 */
static uintptr_t page_size(void)
{
#ifdef __x86_64__
    return SMALLEST_PAGE;
#else
    return getauxval(AT_PAGESZ);
#endif
}

static char *round_down(char *address, uintptr_t size)
{
    return address - ((uintptr_t)address & (size - 1));
}

char *round_down_to_page(char *address)
{
    return round_down(address, SMALLEST_PAGE);
}

void release_pages(char *from, char *to)
{
    const uintptr_t size = page_size();
    char *const first = round_down(from + size - 1, size);
    char *const last = round_down(to, size);

    if (first < last)
        (void)madvise(first, (size_t)(last - first), MADV_DONTNEED);
}

void release_startup_pages(void)
{
    /*
     * Set by the linker: the start of the section that the Makefile names, and the first byte of the writable segment.
     */
    /* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): it chooses the names */
    extern char __start_not_resident[], __init_array_start[];

    release_pages(__start_not_resident, __init_array_start);
}
