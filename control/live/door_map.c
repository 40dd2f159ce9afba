#include "control/live/door_map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/layout.h"
#include "wire/clock.h"
#include "wire/log.h"

/* ---- what is asked ---- */

struct wish {
    int64_t after; /* versions up to this are known already; -1: none is */
    int64_t wait_us;
};

static bool is_digits(const char *text, size_t len)
{
    return len > 0 && len < 17 && strspn(text, "0123456789") >= len;
}

/* "wait=30s" or "after=12". */
static int take_parameter(struct wish *w, const char *text, size_t len, struct error *err)
{
    static const char wait[] = "wait=", after[] = "after=";
    char value[32];
    bool is_wait = strncmp(text, wait, sizeof wait - 1) == 0;
    size_t skip = is_wait ? sizeof wait - 1 : sizeof after - 1;
    if (!is_wait && strncmp(text, after, skip) != 0)
        return error_set(err, ERR_UNKNOWN, "expected /map?wait=30s&after=VERSION, got \"%.*s\"",
                         (int)(len < 40 ? len : 40), text);
    snprintf(value, sizeof value, "%.*s", (int)(len - skip), text + skip);
    if (is_wait)
        return duration_parse(&w->wait_us, value, err) == 0 ? 0 : error_prefix(err, "wait");
    if (!is_digits(text + skip, len - skip))
        return error_set(err, ERR_RANGE, "after: expected a version, got \"%s\"", value);
    w->after = strtoll(value, NULL, 10);
    return 0;
}

static int take_query(struct wish *w, const char *target, struct error *err)
{
    const char *at = strchr(target, '?');
    while (at != NULL && *++at != '\0') {
        size_t len = strcspn(at, "&");
        if (take_parameter(w, at, len, err) != 0)
            return -1;
        at = at[len] == '&' ? at + len : NULL;
    }
    return 0;
}

/* `Prefer: respond-async, wait=30`, seconds (RFC 7240). What is not understood is no wish. */
static void take_prefer(struct wish *w, const char *prefer)
{
    const char *at = prefer == NULL ? NULL : strcasestr(prefer, "wait=");
    if (at != NULL && is_digits(at + 5, strspn(at + 5, "0123456789")))
        w->wait_us = strtoll(at + 5, NULL, 10) > 60 ? DOOR_MAP_WAIT_MAX_US
                                                    : strtoll(at + 5, NULL, 10) * 1000000;
}

static bool names(const char *if_none_match, int64_t version)
{
    char tag[32];
    snprintf(tag, sizeof tag, "\"%" PRId64 "\"", version);
    return if_none_match != NULL && strstr(if_none_match, tag) != NULL;
}

/* ---- answers ---- */

static void give(struct door_map *m, struct http_exchange *x, bool known)
{
    char tag[32];
    snprintf(tag, sizeof tag, "\"%" PRId64 "\"", m->file.map.version);
    const struct http_header headers[] = {{"ETag", tag}, {"Cache-Control", "no-cache"}};
    if (known)
        http_answer(x, 304, NULL, headers, 2, NULL, 0);
    else
        http_answer(x, 200, "application/json", headers, 2, m->file.text, m->file.len);
}

static void give_later(struct http_exchange *x)
{
    static const struct http_header later = {"Retry-After", "1"};
    static const char text[] = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\","
                               "\"status\":503,\"detail\":\"too many wait for the next map\"}\n";
    http_answer(x, 503, "application/problem+json", &later, 1, text, sizeof text - 1);
}

void door_map_answer(struct door_map *m, struct http_exchange *x)
{
    struct wish w = {.after = -1};
    struct error err;
    int64_t version = m->file.map.version;
    take_prefer(&w, http_header_of(x, "Prefer"));
    if (take_query(&w, http_target(x), &err) != 0) {
        http_problem(x, 400, err.text);
        return;
    }
    if (names(http_header_of(x, "If-None-Match"), version))
        w.after = version;
    bool known = w.after >= version;
    if (!known || w.wait_us <= 0 || !m->open) {
        give(m, x, known);
        return;
    }
    if (m->count == DOOR_MAP_WAITERS_MAX) {
        give_later(x);
        return;
    }
    w.wait_us = w.wait_us < DOOR_MAP_WAIT_MAX_US ? w.wait_us : DOOR_MAP_WAIT_MAX_US;
    m->waiter[m->count++] =
        (struct door_map_waiter){.x = x, .after = w.after, .until_us = clock_us() + w.wait_us};
}

/* Answer those for whom there is something newer, whose time is over, or who have gone. */
static void serve(struct door_map *m, bool all)
{
    int64_t now_us = clock_us();
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct door_map_waiter w = m->waiter[i];
        bool known = w.after >= m->file.map.version;
        if (!all && known && now_us < w.until_us && !http_gone(w.x))
            m->waiter[kept++] = w;
        else
            give(m, w.x, known);
    }
    m->count = kept;
}

static void on_tick(uv_timer_t *timer)
{
    struct door_map *m = timer->data;
    if (map_file_look(&m->file)) {
        log_line("the map has version %" PRId64, m->file.map.version);
        m->changed(m->context);
    }
    serve(m, false);
}

/* ---- beginning and ending ---- */

int door_map_init(struct door_map *m, const struct layout *l, uv_loop_t *loop,
                  void (*changed)(void *context), void *context, struct arena *a, struct error *err)
{
    const char *path = layout_file(l, "map.json", a);
    m->changed = changed;
    m->context = context;
    if (path == NULL || map_file_init(&m->file, l, NULL, path) != 0)
        return error_memory(err);
    uv_timer_init(loop, &m->timer);
    m->timer.data = m;
    m->open = true;
    uv_timer_start(&m->timer, on_tick, DOOR_MAP_LOOK_MS, DOOR_MAP_LOOK_MS);
    return 0;
}

void door_map_close(struct door_map *m)
{
    if (!m->open)
        return;
    m->open = false;
    serve(m, true);
    uv_close((uv_handle_t *)&m->timer, NULL);
}

void door_map_release(struct door_map *m)
{
    map_file_release(&m->file);
}
