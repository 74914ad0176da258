/* See wipe_secrets.h. */
#include "wipe_secrets.h"

#include <string.h>
#include <unistd.h>

/*
 * Overwrites a text with asterisks and not with NULs, so that a value remains visible as such, and arguments stay
 * separate.
 */
static void wipe(char *text)
{
    for (; *text != '\0'; text++)
        *text = '*';
}

/* Returns the value in `NAME=value`, or null. */
static char *value_after(char *text, const char *name, size_t length)
{
    return strncmp(text, name, length) == 0 && text[length] == '=' ? text + length + 1 : NULL;
}

static void wipe_variable(const char *name, size_t length)
{
    /* Overwrites every variable of that name: libc uses the first, but /proc shows all. */
    for (char **variable = environ; *variable; variable++) {
        char *const value = value_after(*variable, name, length);

        if (value)
            wipe(value);
    }
}

static void wipe_option(char **arguments, const char *name, size_t length)
{
    for (char **argument = arguments; *argument; argument++) {
        char *const value = value_after(*argument, name, length);

        if (value)
            wipe(value);
        else if (strncmp(*argument, name, length) == 0 && (*argument)[length] == '\0' && argument[1])
            wipe(*++argument);
    }
}

static void wipe_all(char **arguments)
{
    for (; *arguments; arguments++)
        wipe(*arguments);
}

void wipe_secrets(const char *names, char **arguments)
{
    for (;;) {
        const size_t length = strcspn(names, ",");

        if (length == 1 && *names == '-')
            wipe_all(arguments + 1);
        else if (length > 0 && *names == '-')
            wipe_option(arguments + 1, names, length);
        else if (length > 0)
            wipe_variable(names, length);
        if (names[length] == '\0')
            return;
        names += length + 1;
    }
}
