/* See map_elf.h. */
#include "map_elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 /* Linux 4.17; older kernels take the address as a hint, so the result is compared */
#endif

#ifdef __x86_64__
enum { THIS_MACHINE = EM_X86_64 };
#else
enum { THIS_MACHINE = EM_AARCH64 };
#endif

enum { MOST_HEADERS = 32 };

static uintptr_t page_start(uintptr_t address)
{
    return address & ~(getauxval(AT_PAGESZ) - 1);
}

static uintptr_t page_end(uintptr_t address)
{
    return page_start(address + getauxval(AT_PAGESZ) - 1);
}

static bool read_at(int file, void *into, size_t size, off_t offset)
{
    const ssize_t got = pread(file, into, size, offset);

    if (got >= 0 && (size_t)got < size)
        errno = ENOEXEC;
    return got == (ssize_t)size;
}

static bool read_headers(int file, off_t at, ElfW(Ehdr) *elf, ElfW(Phdr) headers[MOST_HEADERS])
{
    if (!read_at(file, elf, sizeof *elf, at))
        return false;
    if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_machine != THIS_MACHINE ||
        (elf->e_type != ET_EXEC && elf->e_type != ET_DYN) || elf->e_phentsize != sizeof *headers ||
        elf->e_phnum > MOST_HEADERS) {
        errno = ENOEXEC;
        return false;
    }
    return read_at(file, headers, elf->e_phnum * sizeof *headers, at + (off_t)elf->e_phoff);
}

/* Reserves the addresses from the first segment to the last. The gaps between segments stay inaccessible. */
static bool reserve(const ElfW(Ehdr) *elf, const ElfW(Phdr) headers[], struct image *image)
{
    uintptr_t first = UINTPTR_MAX, last = 0;

    for (size_t i = 0; i < elf->e_phnum; i++) {
        if (headers[i].p_type != PT_LOAD)
            continue;
        const uintptr_t start = page_start(headers[i].p_vaddr);
        const uintptr_t end = page_end(headers[i].p_vaddr + headers[i].p_memsz);

        first = start < first ? start : first;
        last = end > last ? end : last;
    }
    if (first >= last) {
        errno = ENOEXEC;
        return false;
    }
    const bool fixed = elf->e_type == ET_EXEC;
    void *const wish = fixed ? (void *)first : NULL; /* NOLINT(performance-no-int-to-ptr): it is linked for there */
    void *const place = mmap(wish, last - first, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (fixed ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    if (place == MAP_FAILED)
        return false;
    if (fixed && place != wish) {
        errno = EEXIST;
        return false;
    }
    image->base = (uintptr_t)place - first;
    return true;
}

static int protection(const ElfW(Phdr) *segment)
{
    return (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
           (segment->p_flags & PF_X ? PROT_EXEC : 0);
}

/* Maps the part of a segment that is in the file; the rest is zero, beginning in the middle of the last page. */
static bool map_segment(int file, off_t at, const ElfW(Phdr) *segment, uintptr_t base)
{
    const uintptr_t from = base + segment->p_vaddr, start = page_start(from);
    const uintptr_t file_end = from + segment->p_filesz, end = from + segment->p_memsz;
    const uintptr_t mapped_end = segment->p_filesz == 0 ? start : page_end(file_end);
    const off_t offset = at + (off_t)(segment->p_offset - (from - start));

    /* NOLINTBEGIN(performance-no-int-to-ptr): a loader computes addresses */
    if (mapped_end > start && mmap((void *)start, mapped_end - start, protection(segment), MAP_PRIVATE | MAP_FIXED, file,
                                   offset) == MAP_FAILED)
        return false;
    if (end > file_end && mapped_end > file_end && segment->p_flags & PF_W)
        memset((void *)file_end, 0, mapped_end - file_end);
    return page_end(end) <= mapped_end || mmap((void *)mapped_end, page_end(end) - mapped_end, protection(segment),
                                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    /* NOLINTEND(performance-no-int-to-ptr) */
}

bool map_image(int file, off_t at, struct image *image)
{
    ElfW(Ehdr) elf;
    ElfW(Phdr) headers[MOST_HEADERS];

    *image = (struct image){.interpreter = ""};
    if (!read_headers(file, at, &elf, headers) || !reserve(&elf, headers, image))
        return false;
    image->entry = image->base + elf.e_entry;
    image->header_count = elf.e_phnum;
    for (size_t i = 0; i < elf.e_phnum; i++) {
        const ElfW(Phdr) *const header = &headers[i];

        if (header->p_type == PT_LOAD && !map_segment(file, at, header, image->base))
            return false;
        if (header->p_type == PT_LOAD && elf.e_phoff >= header->p_offset &&
            elf.e_phoff < header->p_offset + header->p_filesz)
            image->headers = image->base + header->p_vaddr + (elf.e_phoff - header->p_offset);
        if (header->p_type == PT_INTERP &&
            (header->p_filesz >= sizeof image->interpreter ||
             !read_at(file, image->interpreter, header->p_filesz, at + (off_t)header->p_offset)))
            return false;
    }
    return true;
}

/* Replaces the entries about the program in the kernel's auxiliary vector, which describes bailey-agent. */
static ElfW(auxv_t) describe_program(ElfW(auxv_t) line, const struct image *program, const struct image *loader)
{
    switch (line.a_type) {
    case AT_PHDR: line.a_un.a_val = program->headers; break;
    case AT_PHNUM: line.a_un.a_val = program->header_count; break;
    case AT_ENTRY: line.a_un.a_val = program->entry; break;
    case AT_BASE: line.a_un.a_val = loader->base; break;
    default: break;
    }
    return line;
}

enum { MOST_LINES = 64 };

static size_t read_lines(ElfW(auxv_t) lines[MOST_LINES])
{
    const int file = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
    const ssize_t got = file < 0 ? -1 : read(file, lines, MOST_LINES * sizeof *lines);

    if (file >= 0)
        (void)close(file);
    return got < 0 ? 0 : (size_t)got / sizeof *lines;
}

/* Jumps, without a call, so that the stack is exactly as the loader expects it. */
_Noreturn static void jump(const uintptr_t *stack, uintptr_t entry)
{
    /* No function to run at exit (rdx, x0), and no caller's frame (rbp, x29). */
#ifdef __x86_64__
    __asm__ volatile("mov %0, %%rsp\n\txor %%edx, %%edx\n\txor %%ebp, %%ebp\n\tjmp *%1"
                     :
                     : "r"(stack), "r"(entry)
                     : "rdx", "memory");
#else
    __asm__ volatile("mov sp, %0\n\tmov x0, xzr\n\tmov x29, xzr\n\tbr %1"
                     :
                     : "r"(stack), "r"(entry)
                     : "x0", "memory");
#endif
    __builtin_unreachable();
}

static size_t count(const char *const strings[])
{
    size_t counted = 0;

    while (strings[counted] != NULL)
        counted++;
    return counted;
}

bool jump_to_loader(const struct image *program, const struct image *loader, const char *const arguments[],
           const char *const environment[])
{
    ElfW(auxv_t) lines[MOST_LINES];
    const size_t line_count = read_lines(lines), argument_count = count(arguments), variable_count = count(environment);

    if (line_count == 0)
        return false;
    /*
     * The initial stack: the number of arguments, arguments and environment, each ended by NULL, the auxiliary vector.
     */
    const size_t words = 1 + argument_count + 1 + variable_count + 1 + line_count * (sizeof *lines / sizeof(uintptr_t));
    uintptr_t room[words + 1];
    uintptr_t *const stack = room + ((uintptr_t)room % 16 != 0), *next = stack;

    *next++ = argument_count;
    memcpy(next, arguments, (argument_count + 1) * sizeof *next);
    next += argument_count + 1;
    memcpy(next, environment, (variable_count + 1) * sizeof *next);
    next += variable_count + 1;
    for (size_t i = 0; i < line_count; i++)
        lines[i] = describe_program(lines[i], program, loader);
    memcpy(next, lines, line_count * sizeof *lines);
    jump(stack, loader->entry);
}
