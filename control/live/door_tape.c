#include "control/live/door_tape.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "wire/log.h"
#include "wire/text_file.h"

static void stop(struct door_tape *t, const char *why)
{
    log_line("the tape %s ends after %llu records: %s", t->path, (unsigned long long)t->records,
             why);
    t->on = false;
    uv_close((uv_handle_t *)&t->turn, NULL);
    close(t->fd);
}

static void flush(struct door_tape *t)
{
    size_t done = 0;
    while (t->on && done < t->used) {
        ssize_t n = write(t->fd, t->buffer + done, t->used - done);
        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            stop(t, strerror(errno));
    }
    t->bytes += (int64_t)done;
    t->used = 0;
}

/* Before the loop waits. */
static void on_turn(uv_prepare_t *turn)
{
    flush(turn->data);
}

static void append(struct door_tape *t, const struct tape_record *record)
{
    if (t->used + TAPE_RECORD_MAX > DOOR_TAPE_BUFFER)
        flush(t);
    if (!t->on)
        return;
    t->used += tape_encode(t->buffer + t->used, record, t->before_us);
    t->before_us = record->now_us;
    t->records++;
}

static void finish(struct door_tape *t, int64_t now_us, bool full)
{
    const struct tape_record end = {
        .kind = TAPE_CLOSE, .now_us = now_us, .records = t->records, .full = full};
    append(t, &end);
    flush(t);
}

void door_tape_put(struct door_tape *t, const struct tape_record *record)
{
    if (!t->on)
        return;
    if (t->bytes + (int64_t)t->used + 2 * TAPE_RECORD_MAX <= DOOR_TAPE_BYTES_MAX) {
        append(t, record);
        return;
    }
    finish(t, record->now_us, true);
    if (t->on)
        stop(t, "it is full");
}

/* A file that was not there before. */
static int open_new(struct door_tape *t, const char *name, struct arena *a)
{
    int fd = -1;
    for (int i = 1; fd < 0 && i <= DOOR_TAPE_FILES_MAX; i++) {
        t->path = i == 1 ? name : arena_format(a, "%s.%d", name, i);
        if (t->path == NULL)
            return -1;
        fd = open(t->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        log_line("no tape: %s: %s", t->path, strerror(errno));
    return fd;
}

void door_tape_open(struct door_tape *t, const struct layout *l, uv_loop_t *loop, struct arena *a)
{
    const char *told = layout_file(l, "tape", a), *name;
    struct text_file_stamp stamp;
    struct error err;
    size_t len;
    *t = (struct door_tape){.fd = -1};
    if (told == NULL || access(told, F_OK) != 0)
        return;
    if (text_file_read(&name, &len, told, PATH_MAX, &stamp, a, &err) != 0) {
        log_line("no tape: %s", err.text);
        return;
    }
    t->buffer = arena_alloc(a, DOOR_TAPE_BUFFER, 1);
    t->fd = t->buffer == NULL ? -1 : open_new(t, name, a);
    if (t->fd < 0)
        return;
    t->on = true;
    memcpy(t->buffer, TAPE_MAGIC, TAPE_MAGIC_BYTES);
    t->used = TAPE_MAGIC_BYTES;
    uv_prepare_init(loop, &t->turn);
    uv_prepare_start(&t->turn, on_turn);
    uv_unref((uv_handle_t *)&t->turn);
    t->turn.data = t;
    log_line("what the door is told and decides goes to %s", t->path);
}

void door_tape_close(struct door_tape *t, int64_t now_us)
{
    if (!t->on)
        return;
    finish(t, now_us, false);
    if (t->on)
        stop(t, "the door closes");
}
