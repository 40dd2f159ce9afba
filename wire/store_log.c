#include "wire/store_log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/clock.h"
#include "wire/log.h"
#include "wire/process.h"
#include "wire/store_tx.h"
#include "wire/turnstile.h"

/* https://sqlite.org/walformat.html: the index header, and the bytes that are locked. */
enum {
    LOG_FRAMES = 16,    /* a 32-bit number, native */
    BYTE_WRITE = 120,   /* then CHECKPOINT and RECOVER */
    BYTE_RECOVER = 122, /* a reader that finds the index torn recovers it, without the turn */
    BYTE_READ = 123,    /* five */
    BYTE_READ_LAST = 127,
};

enum {
    FOLD_WAIT_US = 2000, /* others wait for their turn meanwhile */
    STEP_US = 20000,
    GONE_US = 100000, /* a killed process leaves its locks in so long; less than `stuck_us` */
    BUSY_US = 200000,
};

int store_log_open(struct store_log *log, struct store_tx *tx, const char *shared_path,
                   uint32_t pages_max, int64_t read_us_max, struct error *err)
{
    *log = (struct store_log){
        .tx = tx,
        .pages_max = pages_max,
        .due = pages_max / 4,
        .read_us_max = read_us_max,
    };
    log->shared = open(shared_path, O_RDONLY | O_CLOEXEC);
    if (log->shared < 0)
        return error_set(err, ERR_SYSTEM, "%s: cannot open: %s", shared_path, strerror(errno));
    return 0;
}

void store_log_close(struct store_log *log)
{
    close(log->shared);
    log->shared = -1;
}

uint32_t store_log_pages(struct store_log *log)
{
    uint32_t frames = 0;
    if (pread(log->shared, &frames, sizeof frames, LOG_FRAMES) != sizeof frames)
        return 0;
    return frames;
}

bool store_log_due(struct store_log *log)
{
    return store_log_pages(log) >= log->due;
}

/* 1 when the log starts anew, 0 when readers are in the way, -1 with `err` set. */
static int fold(struct store_log *log, int64_t wait_us, struct error *err)
{
    uint32_t pages = store_log_pages(log);
    if (pages > log->pages_seen_max)
        log->pages_seen_max = pages;
    int status = store_tx_checkpoint(log->tx, wait_us, err);
    log->folds++;
    log->resets += status == 1;
    /* The header still says `pages` until the next write; what could not be done is not tried with
     * every commit. */
    log->due = status == 1 || pages < log->pages_max / 4 ? log->pages_max / 4
                                                         : pages + log->pages_max / 32;
    return status;
}

void store_log_fold(struct store_log *log)
{
    struct error ignored; /* it stays as it is, and meets its bound with words */
    if (store_log_due(log))
        fold(log, FOLD_WAIT_US, &ignored);
}

/* Kill who holds a byte of first..last, other than we. The last one met, 0 for none; `*gone` when
 * none remains. */
static pid_t evict(struct store_log *log, off_t first, off_t last, bool *gone)
{
    pid_t pid = 0;
    *gone = true;
    for (off_t at = first; *gone && at <= last; at++) {
        struct process found;
        while (*gone && process_holder(&found, log->shared, at) == 0 && found.pid != 0) {
            pid = found.pid;
            *gone = process_signal(&found, SIGKILL) == 0;
            log->killed += *gone;
            if (*gone)
                log_line("process %ld kept the others from the store: it was killed", (long)pid);
            *gone = *gone && process_wait_gone(&found, GONE_US);
            process_release(&found);
        }
    }
    return pid;
}

int store_log_room(struct store_log *log, struct error *err)
{
    uint32_t pages = store_log_pages(log);
    if (pages > log->pages_seen_max)
        log->pages_seen_max = pages;
    if (pages < log->pages_max)
        return 0;
    /* A read may take read_us_max, and one that began meanwhile as long again. */
    int64_t end_us = clock_us() + 2 * log->read_us_max;
    pid_t pid = 0;
    for (int evictions = 0;;) {
        int status = fold(log, STEP_US, err);
        if (status != 0)
            return status < 0 ? -1 : 0;
        if (clock_us() < end_us)
            continue;
        bool gone;
        if (evictions++ == 2)
            break;
        pid = evict(log, BYTE_READ, BYTE_READ_LAST, &gone);
    }
    return error_set(err, ERR_LIMIT,
                     "the log of writes is full: process %ld reads and does not end", (long)pid);
}

/* Whether who keeps us from writing only lacks a processor. */
static bool is_starved(struct store_log *log)
{
    for (off_t at = BYTE_WRITE; at <= BYTE_RECOVER; at++) {
        struct process found;
        if (process_holder(&found, log->shared, at) != 0 || found.pid == 0)
            continue;
        bool starved = process_runnable(found.pid);
        process_release(&found);
        return starved;
    }
    return true; /* it has just let go */
}

int store_log_begin(struct store_log *log, struct error *err)
{
    if (store_tx_begin(log->tx, BUSY_US, err) == 0)
        return 0;
    for (int i = 1; i < TURNSTILE_STARVED && err->code == ERR_CONFLICT && is_starved(log); i++)
        if (store_tx_begin(log->tx, BUSY_US, err) == 0)
            return 0;
    bool gone;
    if (err->code != ERR_CONFLICT || evict(log, BYTE_WRITE, BYTE_RECOVER, &gone) == 0 || !gone)
        return -1;
    return store_tx_begin(log->tx, BUSY_US, err);
}
