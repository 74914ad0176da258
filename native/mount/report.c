/* See report.h. */
#include "report.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void print(const char *text)
{
    ssize_t written = write(STDOUT_FILENO, text, strlen(text));

    (void)written; /* a failure cannot be reported anywhere */
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

static void print_step_and_errno(const char *step, int error)
{
    print(step);
    print(" ");
    print_number((uint64_t)error);
}

int report_failure(const char *step)
{
    print_step_and_errno(step, errno);
    print("\n");
    return 1;
}

int report_export_failure(const char *step, const char *sentence)
{
    int error = errno;

    print("failed ");
    print_step_and_errno(step, error);
    print(" ");
    print(sentence);
    print("\n");
    return 1;
}

int report_success(uint64_t id)
{
    print_number(id);
    print("\n");
    return 0;
}
