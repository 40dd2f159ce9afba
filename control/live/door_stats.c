#include "control/live/door_stats.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/status.h"
#include "wire/http.h"

/* ---- how a try ended ---- */

enum door_last door_last_of(const struct http_reply *reply)
{
    if (reply->failure != HTTP_OK)
        return (enum door_last)reply->failure;
    if (reply->status < 500)
        return DOOR_LAST_NONE;
    return (enum door_last)(DOOR_LAST_500 + (reply->status <= 505 ? reply->status - 500 : 0));
}

const char *door_last_name(enum door_last last)
{
    static const char *const statuses[] = {"500", "501", "502", "503", "504", "505"};
    static_assert(HTTP_OK == 0 && (int)HTTP_UNSENT == DOOR_LAST_500 - 1, "all are there");
    if (last == DOOR_LAST_NONE)
        return "";
    return last < DOOR_LAST_500 ? http_failure_name((enum http_failure)last)
                                : statuses[last - DOOR_LAST_500];
}

/* ---- counting ---- */

int door_stats_init(struct door_stats *s, const struct layout *l, int64_t now_us, struct arena *a)
{
    const struct topo *topo = l->topo;
    size_t count = topo->country_count + 1;
    for (size_t i = 0; i < topo->cell_count; i++)
        count += 1 + topo->cells[i].zone_count;
    *s = (struct door_stats){.layout = l, .began_us = now_us};
    s->cell = arena_alloc(a, topo->cell_count + 1, sizeof s->cell[0]);
    s->country = arena_alloc(a, topo->country_count, sizeof s->country[0]);
    s->windows = calloc(count, sizeof s->windows[0]); /* pages that stay untouched cost nothing */
    if (s->cell == NULL || s->country == NULL || s->windows == NULL)
        return -1;
    struct window *next = s->windows;
    for (size_t i = 0; i <= topo->cell_count; i++) {
        s->cell[i].window = next;
        next += 1 + (i < topo->cell_count ? topo->cells[i].zone_count : 0);
    }
    for (size_t i = 0; i < topo->country_count; i++)
        s->country[i].window = next++;
    for (size_t i = 0; i < count - topo->country_count; i++)
        window_init(&s->windows[i], now_us);
    return 0;
}

void door_stats_release(struct door_stats *s)
{
    free(s->windows);
    s->windows = NULL;
}

void door_stats_try(struct door_stats *s, size_t cell, size_t zone, int64_t now_us,
                    int64_t latency_us, bool failed)
{
    window_add(&s->cell[cell].window[1 + zone], now_us, latency_us, failed);
}

void door_stats_request(struct door_stats *s, size_t cell, int64_t now_us, int64_t latency_us,
                        const struct door_end *end)
{
    struct door_stats_cell *c = &s->cell[cell];
    c->requests++;
    c->lost += end->failed;
    if (end->failed)
        c->losses[end->rule][end->last]++;
    window_add(&c->window[0], now_us, latency_us, end->failed);
}

void door_stats_question(struct door_stats *s, int64_t now_us, int64_t latency_us, bool partial,
                         const struct door_end *end)
{
    s->partial += partial && !end->failed;
    door_stats_request(s, s->layout->topo->cell_count, now_us, latency_us, end);
}

void door_stats_part(struct door_stats *s, size_t country, int64_t now_us, int64_t latency_us,
                     bool missing)
{
    struct door_stats_country *c = &s->country[country];
    if (c->asked++ == 0)
        window_init(c->window, s->began_us); /* not before: it costs pages */
    c->missing += missing;
    if (!missing)
        window_add(c->window, now_us, latency_us, false);
}

/* ---- as a status ---- */

static int fill_cell(struct status_cell *to, const struct topo_cell *cell,
                     const struct door_stats_cell *from, int64_t now_us, struct arena *a)
{
    struct window_sum all = window_read(&from->window[0], now_us);
    *to = (struct status_cell){.name = cell->name,
                               .countries = cell->countries,
                               .country_count = cell->country_count,
                               .region = cell->region,
                               .health = STATUS_UNKNOWN,
                               .since_ms = -1,
                               .rps = all.rps,
                               .errors = all.failed,
                               .p99_ms = all.p99_us / 1000,
                               .lost = (int64_t)from->lost,
                               .why = "",
                               .zone_count = cell->zone_count};
    to->zones = arena_alloc(a, cell->zone_count, sizeof to->zones[0]);
    if (to->zones == NULL)
        return -1;
    uint64_t tries = 0;
    for (size_t i = 0; i < cell->zone_count; i++) {
        struct window_sum sum = window_read(&from->window[1 + i], now_us);
        to->zones[i] = (struct status_zone){.name = cell->zones[i],
                                            .health = STATUS_UNKNOWN,
                                            .since_ms = -1,
                                            .up = -1,
                                            .wanted = -1,
                                            .rps = sum.rps,
                                            .share = (double)sum.requests,
                                            .errors = sum.failed,
                                            .p99_ms = sum.p99_us / 1000,
                                            .why = "",
                                            .agent_pid = -1};
        tries += sum.requests;
    }
    for (size_t i = 0; i < cell->zone_count; i++)
        to->zones[i].share = tries > 0 ? to->zones[i].share / (double)tries : (double)NAN;
    return 0;
}

/* The countries that have been asked at all. */
static int fill_questions(struct status_questions *to, const struct door_stats *s,
                          const struct window_sum *all, int64_t now_us, struct arena *a)
{
    const struct topo *topo = s->layout->topo;
    const struct door_stats_cell *from = &s->cell[topo->cell_count];
    *to = (struct status_questions){.asked = (int64_t)from->requests,
                                    .partial = (int64_t)s->partial,
                                    .lost = (int64_t)from->lost,
                                    .rps = all->rps,
                                    .p99_ms = all->p99_us / 1000};
    for (size_t i = 0; i < topo->country_count; i++)
        to->country_count += s->country[i].asked > 0;
    to->countries = arena_alloc(a, to->country_count, sizeof to->countries[0]);
    if (to->countries == NULL)
        return -1;
    for (size_t i = 0, n = 0; i < topo->country_count; i++) {
        const struct door_stats_country *country = &s->country[i];
        if (country->asked == 0)
            continue;
        struct window_sum sum = window_read(country->window, now_us);
        to->countries[n++] = (struct status_country){.country = topo->countries[i].name,
                                                     .asked = (int64_t)country->asked,
                                                     .missing = (int64_t)country->missing,
                                                     .rps = sum.rps,
                                                     .p99_ms = sum.p99_us / 1000};
    }
    return 0;
}

static int fill_losses(struct status_door *to, const struct door_stats *s, struct arena *a)
{
    enum { KINDS = STATUS_RULES * DOOR_LASTS };
    const struct topo *topo = s->layout->topo;
    size_t count = 0;
    for (size_t i = 0; i <= topo->cell_count; i++)
        for (size_t k = 0; s->cell[i].lost > 0 && k < KINDS; k++)
            count += s->cell[i].losses[k / DOOR_LASTS][k % DOOR_LASTS] > 0;
    to->losses = arena_alloc(a, count, sizeof to->losses[0]);
    if (to->losses == NULL)
        return -1;
    for (size_t i = 0; i <= topo->cell_count; i++)
        for (size_t k = 0; s->cell[i].lost > 0 && k < KINDS; k++) {
            uint64_t lost = s->cell[i].losses[k / DOOR_LASTS][k % DOOR_LASTS];
            if (lost > 0)
                to->losses[to->loss_count++] =
                    (struct status_loss){.cell = i < topo->cell_count ? topo->cells[i].name : "",
                                         .rule = (int)(k / DOOR_LASTS),
                                         .last = door_last_name((enum door_last)(k % DOOR_LASTS)),
                                         .count = (int64_t)lost};
        }
    return 0;
}

struct status *door_stats_status(const struct door_stats *s, int64_t now_us, struct arena *a)
{
    const struct topo *topo = s->layout->topo;
    struct status *to = arena_alloc(a, 1, sizeof *to);
    struct status_cell *cells = arena_alloc(a, topo->cell_count, sizeof cells[0]);
    struct status_door *door = arena_alloc(a, 1, sizeof *door);
    if (to == NULL || cells == NULL || door == NULL)
        return NULL;
    *door = (struct status_door){.pid = getpid(), .port = s->layout->port, .answers = true};
    *to = (struct status){.topology = "",
                          .uptime_ms = (now_us - s->began_us) / 1000,
                          .control_pid = -1,
                          .door_pid = door->pid,
                          .port = door->port,
                          .doors = door,
                          .door_count = 1,
                          .cells = cells,
                          .cell_count = topo->cell_count};
    const struct window_sum asked = window_read(&s->cell[topo->cell_count].window[0], now_us);
    if (fill_questions(&door->questions, s, &asked, now_us, a) != 0 || fill_losses(door, s, a) != 0)
        return NULL;
    for (size_t i = 0; i < topo->cell_count; i++)
        if (fill_cell(&cells[i], &topo->cells[i], &s->cell[i], now_us, a) != 0)
            return NULL;
    double failed_rps = 0;
    for (size_t i = 0; i <= topo->cell_count; i++) {
        double rps = i < topo->cell_count ? cells[i].rps : asked.rps;
        double errors = i < topo->cell_count ? cells[i].errors : asked.failed;
        to->requests += (int64_t)s->cell[i].requests;
        to->lost += (int64_t)s->cell[i].lost;
        to->rps += rps;
        failed_rps += rps > 0 ? rps * errors : 0;
    }
    to->errors = to->rps > 0 ? failed_rps / to->rps : (double)NAN;
    door->rps = to->rps;
    door->requests = to->requests;
    door->lost = to->lost;
    return to;
}
