#include "control/live/door_stats.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/status.h"

int door_stats_init(struct door_stats *s, const struct layout *l, int64_t now_us, struct arena *a)
{
    const struct topo *topo = l->topo;
    size_t count = 0;
    for (size_t i = 0; i < topo->cell_count; i++)
        count += 1 + topo->cells[i].zone_count;
    *s = (struct door_stats){.layout = l, .began_us = now_us};
    s->cell = arena_alloc(a, topo->cell_count, sizeof s->cell[0]);
    s->windows = calloc(count, sizeof s->windows[0]); /* pages that stay untouched cost nothing */
    if (s->cell == NULL || s->windows == NULL)
        return -1;
    struct window *next = s->windows;
    for (size_t i = 0; i < topo->cell_count; i++) {
        s->cell[i].window = next;
        next += 1 + topo->cells[i].zone_count;
    }
    for (size_t i = 0; i < count; i++)
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
                        bool failed)
{
    s->cell[cell].requests++;
    s->cell[cell].lost += failed;
    window_add(&s->cell[cell].window[0], now_us, latency_us, failed);
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

struct status *door_stats_status(const struct door_stats *s, int64_t now_us, struct arena *a)
{
    const struct topo *topo = s->layout->topo;
    struct status *to = arena_alloc(a, 1, sizeof *to);
    struct status_cell *cells = arena_alloc(a, topo->cell_count, sizeof cells[0]);
    double failed_rps = 0;
    if (to == NULL || cells == NULL)
        return NULL;
    *to = (struct status){.topology = "",
                          .uptime_ms = (now_us - s->began_us) / 1000,
                          .control_pid = -1,
                          .door_pid = getpid(),
                          .port = s->layout->port,
                          .cells = cells,
                          .cell_count = topo->cell_count};
    for (size_t i = 0; i < topo->cell_count; i++) {
        if (fill_cell(&cells[i], &topo->cells[i], &s->cell[i], now_us, a) != 0)
            return NULL;
        to->requests += (int64_t)s->cell[i].requests;
        to->lost += (int64_t)s->cell[i].lost;
        to->rps += cells[i].rps;
        failed_rps += cells[i].rps > 0 ? cells[i].rps * cells[i].errors : 0;
    }
    to->errors = to->rps > 0 ? failed_rps / to->rps : (double)NAN;
    return to;
}
