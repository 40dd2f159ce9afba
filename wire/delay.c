#include "wire/delay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "wire/clock.h"

enum { MOVE_BYTES = 64 << 10 };

struct delay_piece {
    int64_t at_us;
    size_t len;
    int code;
};

/* ---- the heap of those who wait ---- */

static bool sooner(const struct delay_wait *a, const struct delay_wait *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

static void place(struct delays *d, struct delay_wait *w, size_t at)
{
    d->heap[at] = w;
    w->index = at + 1;
}

static void sift_up(struct delays *d, struct delay_wait *w, size_t at)
{
    while (at > 0 && sooner(w, d->heap[(at - 1) / 2])) {
        place(d, d->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    place(d, w, at);
}

static void sift_down(struct delays *d, struct delay_wait *w, size_t at)
{
    for (;;) {
        size_t next = 2 * at + 1;
        if (next + 1 < d->count && sooner(d->heap[next + 1], d->heap[next]))
            next++;
        if (next >= d->count || !sooner(d->heap[next], w))
            break;
        place(d, d->heap[next], at);
        at = next;
    }
    place(d, w, at);
}

static void set_timer(struct delays *d)
{
    struct itimerspec when = {0};
    if (d->count > 0) {
        int64_t at_us = d->heap[0]->at_us;
        when.it_value.tv_sec = at_us / 1000000;
        when.it_value.tv_nsec = at_us % 1000000 * 1000 + 1; /* all zero would mean never */
    }
    timerfd_settime(d->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void take_out(struct delays *d, struct delay_wait *w)
{
    size_t at = w->index - 1;
    struct delay_wait *last = d->heap[--d->count];
    w->index = 0;
    if (last == w)
        return;
    if (at > 0 && sooner(last, d->heap[(at - 1) / 2]))
        sift_up(d, last, at);
    else
        sift_down(d, last, at);
}

bool delay_wait(struct delays *d, struct delay_wait *w, int64_t at_us)
{
    delay_wait_not(d, w);
    if (d->count == d->size) {
        size_t size = 2 * d->size + 64;
        struct delay_wait **heap = realloc(d->heap, size * sizeof(struct delay_wait *));
        if (heap == NULL)
            return false;
        d->heap = heap;
        d->size = size;
    }
    w->at_us = at_us;
    w->number = d->number++;
    sift_up(d, w, d->count++);
    if (d->heap[0] == w)
        set_timer(d);
    return true;
}

void delay_wait_not(struct delays *d, struct delay_wait *w)
{
    if (w->index > 0)
        take_out(d, w);
}

static void on_time(uv_poll_t *poll, int status, int events)
{
    struct delays *d = poll->data;
    uint64_t times;
    (void)status;
    (void)events;
    if (read(d->fd, &times, sizeof times) < 0)
        times = 0; /* it was set anew in between */
    int64_t now_us = clock_us();
    while (d->count > 0 && d->heap[0]->at_us <= now_us) {
        struct delay_wait *w = d->heap[0];
        take_out(d, w);
        w->due(w);
    }
    set_timer(d);
}

int delays_open(struct delays *d, uv_loop_t *loop)
{
    *d = (struct delays){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
    if (d->fd < 0)
        return -1;
    if (uv_poll_init(loop, &d->poll, d->fd) != 0) {
        close(d->fd);
        return -1;
    }
    d->poll.data = d;
    d->open = true;
    uv_poll_start(&d->poll, UV_READABLE, on_time);
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct delays *d = handle->data;
    free(d->heap);
    d->heap = NULL;
    if (d->closed != NULL)
        d->closed(d->closed_context);
}

void delays_close(struct delays *d, void (*closed)(void *context), void *context)
{
    if (!d->open && closed != NULL)
        closed(context);
    if (!d->open)
        return;
    assert(d->count == 0);
    d->open = false;
    d->closed = closed;
    d->closed_context = context;
    uv_close((uv_handle_t *)&d->poll, on_closed);
    close(d->fd); /* a poll handle does not own it */
}

/* ---- a line ---- */

static struct delay_piece *piece_at(struct delay_line *l, size_t index)
{
    return &l->piece[(l->first + index) % l->size];
}

static bool grow(struct delay_line *l)
{
    size_t size = 2 * l->size + 8;
    struct delay_piece *piece = malloc(size * sizeof *piece);
    if (piece == NULL)
        return false;
    for (size_t i = 0; i < l->count; i++)
        piece[i] = *piece_at(l, i);
    free(l->piece);
    l->piece = piece;
    l->size = size;
    l->first = 0;
    return true;
}

/* The first piece has arrived. It is no more in the line when it is told, for that may end it. */
static void deliver(struct delay_line *l)
{
    struct delay_piece piece = *piece_at(l, 0);
    struct bytes out = {0};
    l->first = (l->first + 1) % l->size;
    l->count--;
    if (l->count == 0 && l->taken == 0) { /* the usual: no copy */
        out = l->bytes;
        l->bytes = (struct bytes){0};
    } else if (piece.len > 0 && !bytes_add(&out, l->bytes.data + l->taken, piece.len)) {
        piece.code = UV_ENOMEM;
    } else {
        l->taken += piece.len;
    }
    if (l->taken > 0 && (l->count == 0 || (l->taken > MOVE_BYTES && 2 * l->taken > l->bytes.len))) {
        size_t left = l->bytes.len - l->taken;
        memmove(l->bytes.data, l->bytes.data + l->taken, left);
        explicit_bzero(l->bytes.data + left, l->taken);
        l->bytes.len = left;
        l->taken = 0;
    }
    l->out(l->context, piece.code == 0 ? out.data : NULL, piece.code == 0 ? out.len : 0,
           piece.code);
    bytes_release(&out);
}

static void next(struct delay_line *l, int64_t at_us)
{
    delay_wait(l->delays, &l->wait, at_us); /* there is room: it waited before */
}

static void on_due(struct delay_wait *w)
{
    struct delay_line *l = (struct delay_line *)((char *)w - offsetof(struct delay_line, wait));
    int64_t now_us = clock_us();
    if (l->way(l->context) == DELAY_CUT) {
        next(l, now_us + DELAY_LOOK_US);
        return;
    }
    if (l->count > 1) {
        int64_t at_us = piece_at(l, 1)->at_us;
        next(l, at_us == DELAY_CUT ? now_us : at_us);
    }
    deliver(l);
}

bool delay_line_needed(const struct delay_line *l)
{
    return l->count > 0 || l->way(l->context) > 0;
}

bool delay_line_put(struct delay_line *l, const void *data, size_t len, int code)
{
    int64_t way_us = l->way(l->context), now_us = clock_us();
    int64_t at_us = way_us == DELAY_CUT ? now_us + DELAY_LOOK_US : now_us + way_us;
    if (l->count == l->size && !grow(l))
        return false;
    if (len > 0 && !bytes_add(&l->bytes, data, len))
        return false;
    at_us = l->count > 0 && at_us < l->last_us ? l->last_us : at_us;
    l->wait.due = on_due;
    if (l->count == 0 && !delay_wait(l->delays, &l->wait, at_us)) {
        bytes_clear(&l->bytes);
        return false;
    }
    l->last_us = at_us;
    l->count++;
    *piece_at(l, l->count - 1) = (struct delay_piece){at_us, len, code};
    return true;
}

size_t delay_line_held(const struct delay_line *l)
{
    return l->bytes.len - l->taken;
}

void delay_line_clear(struct delay_line *l)
{
    if (l->delays != NULL)
        delay_wait_not(l->delays, &l->wait);
    free(l->piece);
    bytes_release(&l->bytes);
    l->piece = NULL;
    l->first = l->count = l->size = l->taken = 0;
}
