/*
 * Creates orphans. It runs as the main child of the PID 1 that is measured or tested.
 *
 *   orphans at-once N          N orphans wait; after a line on standard input they all end at once
 *   orphans one-by-one N       after a line on standard input: one orphan is created and ends, N times
 *   orphans with-me N CODE     as at-once, but this process ends with CODE at the same time
 *
 * Prints "ready" when the orphans wait, and "done" when all have ended. Then it waits for the end of standard input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct ends {
    int reading;
    int writing;
};

static void fail(const char *what)
{
    perror(what);
    exit(70);
}

static struct ends make_pipe(void)
{
    int both[2];

    if (pipe(both) < 0)
        fail("pipe");
    return (struct ends){both[0], both[1]};
}

static void wait_for_end(int fd)
{
    char byte;

    while (read(fd, &byte, 1) > 0)
        ;
}

static void wait_for_line(void)
{
    char byte = 0;

    while (byte != '\n' && read(STDIN_FILENO, &byte, 1) == 1)
        ;
}

/*
 * Leaves count orphans that end when the writing end of gate is closed; each keeps the writing end of alive open
 * until then. Returns when their parent has ended.
 */
static void leave_orphans(int count, struct ends gate, struct ends alive)
{
    const pid_t parent = fork();

    if (parent < 0)
        fail("fork");
    if (parent > 0) {
        int status;
        if (waitpid(parent, &status, 0) != parent || status != 0)
            exit(70);
        return;
    }
    close(gate.writing);
    close(alive.reading);
    for (int made = 0; made < count; made++) {
        const pid_t orphan = fork();
        if (orphan < 0)
            fail("fork");
        if (orphan == 0) {
            wait_for_end(gate.reading);
            _exit(0);
        }
    }
    _exit(0);
}

static void print_line(const char *word)
{
    puts(word);
    fflush(stdout);
}

/* One round: creates count orphans, which then end at once. */
static void run_round(int count, void (*between)(void), int end_with)
{
    const struct ends gate = make_pipe();
    const struct ends alive = make_pipe();

    leave_orphans(count, gate, alive);
    close(gate.reading);
    close(alive.writing);
    if (between)
        between();
    close(gate.writing);
    if (end_with >= 0)
        _exit(end_with);
    wait_for_end(alive.reading);
    close(alive.reading);
}

static void ready_and_wait(void)
{
    print_line("ready");
    wait_for_line();
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 64;
    const int count = atoi(argv[2]);
    if (strcmp(argv[1], "at-once") == 0) {
        run_round(count, ready_and_wait, -1);
    } else if (strcmp(argv[1], "one-by-one") == 0) {
        ready_and_wait();
        for (int done = 0; done < count; done++)
            run_round(1, NULL, -1);
    } else if (strcmp(argv[1], "with-me") == 0 && argc == 4) {
        run_round(count, ready_and_wait, atoi(argv[3]));
    } else {
        return 64;
    }
    print_line("done");
    wait_for_end(STDIN_FILENO);
    return 0;
}
