/*
 * The program of each of many containers: chain-writer VOLUME. Its volume is mounted on /data, the castle's socket is in
 * /run/castle, and /acks is a folder of the host.
 *
 * Requests the volume until the castle grants it, checks all records of earlier runs, and appends records until it is
 * killed. A record is a line with a number and the checksum of all records up to it; it is flushed before the next one
 * begins. The number of the last flushed record is written to /acks/VOLUME, an error to /acks/VOLUME.broken.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_BYTES = 20, PAUSE_MS = 250, RETRY_MS = 150 };

static const char *volume;
static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static void wait_ms(long ms)
{
    const struct timespec time = {.tv_nsec = ms * 1000000L};

    nanosleep(&time, NULL);
}

static void broken(const char *what, unsigned long at)
{
    char path[300], text[300];
    int file, length;

    snprintf(path, sizeof path, "/acks/%s.broken", volume);
    length = snprintf(text, sizeof text, "%s at record %lu: %s\n", what, at, strerror(errno));
    file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (file == -1 || write(file, text, (size_t)length) != length)
        exit(4);
    exit(3);
}

/* FNV-1a over the volume's name and all records; 32 bits are enough to find a lost or exchanged one. */
static uint32_t sum(uint32_t before, const void *bytes, size_t count)
{
    const unsigned char *byte = bytes;

    while (count-- > 0)
        before = (before ^ *byte++) * 16777619u;
    return before;
}

static int asked(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/castle/castle.sock"};
    char request[500], body[200], answer[64] = "";
    int length, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t got = -1;

    length = snprintf(body, sizeof body, "{\"volume\":\"%s\",\"target\":\"/data\"}", volume);
    length = snprintf(request, sizeof request,
                      "POST /v1/leases HTTP/1.1\r\nhost: castle\r\nconnection: close\r\n"
                      "content-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
                      length, body);
    if (fd != -1 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0
        && write(fd, request, (size_t)length) == length)
        got = read(fd, answer, sizeof answer - 1);
    if (fd != -1)
        close(fd);
    return got >= 12 && strncmp(answer, "HTTP/1.1 20", 11) == 0;
}

static void check_mounted(void)
{
    struct stat root, data;

    if (stat("/", &root) != 0 || stat("/data", &data) != 0 || root.st_dev == data.st_dev)
        broken("nothing is mounted", 0);
}

static void make_record(char record[RECORD_BYTES + 1], unsigned long number, uint32_t *chain)
{
    snprintf(record, RECORD_BYTES + 1, "%010lu", number);
    *chain = sum(*chain, record, 10);
    snprintf(record + 10, RECORD_BYTES + 1 - 10, " %08x\n", *chain);
}

/* Returns the last number that this volume's earlier runs acknowledged. */
static unsigned long acknowledged(int acks)
{
    unsigned long number = 0;
    ssize_t got = pread(acks, &number, sizeof number, 0);

    return got == sizeof number ? number : 0;
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = stop};
    char path[300], record[RECORD_BYTES + 1], found[RECORD_BYTES];
    unsigned long number = 0, before;
    uint32_t chain = 2166136261u;
    int file, acks;

    if (argc != 2)
        return 64;
    volume = argv[1];
    sigaction(SIGTERM, &action, NULL);
    while (!asked()) {
        if (stopped)
            return 0;
        wait_ms(RETRY_MS);
    }
    check_mounted();

    snprintf(path, sizeof path, "/acks/%s", volume);
    acks = open(path, O_RDWR | O_CREAT, 0666);
    file = open("/data/chain", O_RDWR | O_CREAT | O_APPEND, 0666);
    if (acks == -1 || file == -1)
        broken("cannot be opened", 0);
    before = acknowledged(acks);
    chain = sum(chain, volume, strlen(volume));
    for (;;) {
        ssize_t got = read(file, found, RECORD_BYTES);

        if (got == 0)
            break;
        make_record(record, number + 1, &chain);
        if (got != RECORD_BYTES || memcmp(found, record, RECORD_BYTES) != 0)
            broken("another record is found", number + 1);
        number++;
    }
    if (number < before)
        broken("acknowledged records are lost", number);

    while (!stopped) {
        make_record(record, ++number, &chain);
        if (write(file, record, RECORD_BYTES) != RECORD_BYTES || fsync(file) != 0)
            broken("cannot be written", number);
        if (pwrite(acks, &number, sizeof number, 0) != sizeof number)
            broken("cannot be acknowledged", number);
        wait_ms(PAUSE_MS);
    }
    return 0;
}
