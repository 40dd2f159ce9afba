#include "control/doors.h"

#include <math.h>

#include "base/arena.h"
#include "control/status.h"

static double max_of(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static double sum_of(double a, double b)
{
    return isnan(a) ? b : isnan(b) ? a : a + b;
}

/* A mean so far, of `rps`, with another one. */
static double mean_of(double a, double a_rps, double b, double b_rps)
{
    if (isnan(a) || !(a_rps > 0))
        return b;
    if (isnan(b) || !(b_rps > 0))
        return a;
    return (a * a_rps + b * b_rps) / (a_rps + b_rps);
}

static int64_t count_of(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 ? a : a + b;
}

/* Before the cell's own rps is summed, for shares are of that. */
static void add_zone(struct status_zone *to, const struct status_zone *from, double to_cell_rps,
                     double from_cell_rps)
{
    to->share = mean_of(to->share, to_cell_rps, from->share, from_cell_rps);
    to->errors = mean_of(to->errors, to->rps, from->errors, from->rps);
    to->p99_ms = max_of(to->p99_ms, from->p99_ms);
    to->rps = sum_of(to->rps, from->rps);
}

static void add_cell(struct status_cell *to, const struct status_cell *from)
{
    for (size_t i = 0; i < to->zone_count && i < from->zone_count; i++)
        add_zone(&to->zones[i], &from->zones[i], to->rps, from->rps);
    to->errors = mean_of(to->errors, to->rps, from->errors, from->rps);
    to->p99_ms = max_of(to->p99_ms, from->p99_ms);
    to->rps = sum_of(to->rps, from->rps);
    to->lost = count_of(to->lost, from->lost);
}

static struct status *copy(const struct status *from, struct arena *a)
{
    struct status *to = arena_alloc(a, 1, sizeof *to);
    struct status_cell *cells = arena_alloc(a, from->cell_count, sizeof cells[0]);
    if (to == NULL || cells == NULL)
        return NULL;
    *to = *from;
    to->cells = cells;
    for (size_t i = 0; i < to->cell_count; i++) {
        cells[i] = from->cells[i];
        cells[i].zones = arena_alloc(a, cells[i].zone_count, sizeof cells[i].zones[0]);
        if (cells[i].zones == NULL)
            return NULL;
        for (size_t k = 0; k < cells[i].zone_count; k++)
            cells[i].zones[k] = from->cells[i].zones[k];
    }
    return to;
}

const struct status *doors_sum(const struct status *const *said, size_t count, struct arena *a)
{
    if (count == 1)
        return said[0];
    struct status *sum = copy(said[0], a);
    for (size_t i = 1; sum != NULL && i < count; i++) {
        const struct status *from = said[i];
        sum->errors = mean_of(sum->errors, sum->rps, from->errors, from->rps);
        sum->rps = sum_of(sum->rps, from->rps);
        sum->requests = count_of(sum->requests, from->requests);
        sum->lost = count_of(sum->lost, from->lost);
        for (size_t k = 0; k < sum->cell_count && k < from->cell_count; k++)
            add_cell(&sum->cells[k], &from->cells[k]);
    }
    return sum;
}

void doors_take(struct status_door *door, const struct status_door *said)
{
    struct status_door now = {.rps = NAN,
                              .requests = -1,
                              .lost = -1,
                              .map_version = -1,
                              .reasons_more = -1,
                              .questions = {.asked = -1, .partial = -1, .lost = -1}};
    now.questions.rps = now.questions.p99_ms = NAN;
    if (said != NULL)
        now = *said;
    now.port = door->port;
    now.pid = door->pid;
    now.answers = said != NULL;
    *door = now;
}
