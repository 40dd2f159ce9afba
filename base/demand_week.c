/* What a demand file says in the end: its peaks, the mean week, and the topology's demand. */
#include <string.h>

#include "base/arena.h"
#include "base/demand.h"
#include "base/demand_close.h"
#include "base/error.h"

static const double FEW = 30; /* counts of a slot, on average: it is then known to about a fifth */

uint64_t demand_hour(const struct demand_place *place, int64_t hour)
{
    if (hour < 0 || hour / DEMAND_PAGE_HOURS >= DEMAND_PAGES)
        return 0;
    const uint64_t *page = place->page[hour / DEMAND_PAGE_HOURS];
    return page == NULL ? 0 : page[hour % DEMAND_PAGE_HOURS];
}

const struct demand_place *demand_place_at(const struct demand *d, const char *code)
{
    for (size_t i = 0; i < d->place_count; i++)
        if (strcmp(d->place[i].code, code) == 0)
            return &d->place[i];
    return NULL;
}

/* ---- the end of the file ---- */

static int64_t left_rows(const struct demand *d, enum demand_reason *most)
{
    int64_t rows = 0;
    *most = DEMAND_FIELDS;
    for (int i = 0; i < DEMAND_REASONS; i++) {
        rows += d->left[i].rows;
        if (d->left[i].rows > d->left[*most].rows)
            *most = (enum demand_reason)i;
    }
    return rows;
}

static int check_use(const struct demand *d, struct error *err)
{
    enum demand_reason most;
    int64_t left = left_rows(d, &most);
    if (!d->header)
        return error_set(err, ERR_MISSING, "%s: is empty; expected a header and rows",
                         d->opts.name);
    if (d->rows == 0)
        return error_set(err, ERR_MISSING, "%s: a header, and no rows behind it", d->opts.name);
    if (left == 0 && d->used == 0)
        return error_set(err, ERR_MISSING, "%s: none of %lld rows meets --demand-where %s",
                         d->opts.name, (long long)d->rows, d->opts.where);
    if (left > d->used)
        return error_set(err, ERR_SYNTAX,
                         "%s:%lld: %s (\"%s\"), as in %lld row%s; %lld of %lld cannot be used, "
                         "and what is left would not stand for them",
                         d->opts.name, (long long)d->left[most].line[0], demand_reason_words[most],
                         d->left[most].example, (long long)d->left[most].rows,
                         d->left[most].rows == 1 ? "" : "s", (long long)left,
                         (long long)(d->rows - d->not_meant));
    if (d->count == 0)
        return error_set(err, ERR_RANGE, "%s: every count (column %s) is 0", d->opts.name,
                         d->count_name);
    if (d->days_only && d->used > 1)
        return error_set(err, ERR_RANGE,
                         "%s: every time (column %s) is midnight: sums of days have no busiest "
                         "hour; give sums of hours, or every order with its time",
                         d->opts.name, d->time_name);
    if (d->hour_last - d->hour_first < 23)
        return error_set(err, ERR_RANGE,
                         "%s: spans %lld hour%s; the shape of a day needs 24, that of a week 168",
                         d->opts.name, (long long)(d->hour_last - d->hour_first + 1),
                         d->hour_last == d->hour_first ? "" : "s");
    return 0;
}

int demand_close(struct demand *d, struct error *err)
{
    if (check_use(d, err) != 0)
        return -1;
    for (int64_t hour = d->hour_first; hour <= d->hour_last; hour++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < d->place_count; i++) {
            struct demand_place *p = &d->place[i];
            uint64_t count = demand_hour(p, hour);
            sum += count;
            if (count > p->peak) {
                p->peak = count;
                p->peak_hour = hour;
            }
        }
        if (sum > d->peak_of_sum) {
            d->peak_of_sum = sum;
            d->peak_hour = hour;
        }
    }
    for (size_t i = 0; i < d->place_count; i++)
        d->sum_of_peaks += d->place[i].peak;
    return 0;
}

/* ---- the mean week ---- */

/* How often a slot came within the span. */
static int64_t times_seen(const struct demand *d, size_t slot)
{
    int64_t hour = ((int64_t)slot / 4 + 168 - 3 * 24) % 168; /* of a week from 1970 on */
    int64_t before = (d->hour_first - hour + 167) / 168;     /* the first one not before */
    int64_t end = d->hour_last - hour;
    return end < 0 ? 0 : end / 168 - before + 1;
}

/* Slots that came never get the mean of those at the same time of day that did. */
static void fill_unseen(double week[TOPO_SLOTS], const bool seen[TOPO_SLOTS])
{
    const size_t day = TOPO_SLOTS / 7;
    for (size_t slot = 0; slot < day; slot++) {
        double sum = 0, n = 0;
        for (size_t s = slot; s < TOPO_SLOTS; s += day)
            if (seen[s]) {
                sum += week[s];
                n++;
            }
        for (size_t s = slot; s < TOPO_SLOTS; s += day)
            if (!seen[s])
                week[s] = n > 0 ? sum / n : 0;
    }
}

void demand_week(const struct demand *d, const struct demand_place *place, double week[TOPO_SLOTS])
{
    bool seen[TOPO_SLOTS];
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        int64_t times = times_seen(d, slot);
        seen[slot] = times > 0;
        week[slot] = times > 0 ? (double)place->week[slot] / (double)times : 0;
    }
    if (!d->minutes) { /* a sum stands at its hour's beginning, on whatever quarter that is */
        double sums[TOPO_SLOTS];
        memcpy(sums, week, sizeof sums);
        for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
            week[slot] = (sums[slot] + sums[(slot + TOPO_SLOTS - 1) % TOPO_SLOTS] +
                          sums[(slot + TOPO_SLOTS - 2) % TOPO_SLOTS] +
                          sums[(slot + TOPO_SLOTS - 3) % TOPO_SLOTS]) /
                         4;
    } else if ((double)place->count < FEW * TOPO_SLOTS) {
        for (size_t slot = 0; slot < TOPO_SLOTS; slot += 4) {
            double mean = (week[slot] + week[slot + 1] + week[slot + 2] + week[slot + 3]) / 4;
            for (size_t i = slot; i < slot + 4; i++)
                week[i] = mean;
        }
    }
    fill_unseen(week, seen);
}

/* Into how many parts the topology cuts the country that `c` is, or is a part of. */
static size_t parts_of(const struct topo *topo, const struct topo_country *c)
{
    size_t parts = 0;
    for (size_t i = 0; i < topo->country_count; i++)
        parts += strcmp(topo_home(&topo->countries[i]), topo_home(c)) == 0;
    return parts;
}

static bool put_country(const struct demand *d, struct topo_country *c, double scale)
{
    const struct demand_place *place = demand_place_at(d, topo_home(c));
    double max = 0;
    if (place == NULL || place->peak == 0)
        return false;
    demand_week(d, place, c->rps);
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        if (c->rps[slot] > max)
            max = c->rps[slot];
    c->peak_rps = (double)place->peak * scale / 3600;
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        c->rps[slot] *= c->peak_rps / max;
    return true;
}

size_t demand_put(const struct demand *d, struct topo *topo, double scale)
{
    size_t count = 0;
    for (size_t i = 0; i < topo->country_count; i++) {
        struct topo_country *c = &topo->countries[i];
        count += put_country(d, c, scale / (double)parts_of(topo, c));
    }
    return count;
}
