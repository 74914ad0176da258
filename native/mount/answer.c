#include "answer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void print(const char *text)
{
    ssize_t written = write(STDOUT_FILENO, text, strlen(text));

    (void)written; /* nobody is left to tell */
}

static void print_number(uint64_t number)
{
    char digits[24], *start = digits + sizeof digits - 1;

    *start = '\0';
    do
        *--start = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    print(start);
}

int failed(const char *step)
{
    int error = errno;

    print(step);
    print(" ");
    print_number((uint64_t)error);
    print("\n");
    return 1;
}

int done(uint64_t id)
{
    print_number(id);
    print("\n");
    return 0;
}
