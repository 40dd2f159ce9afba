/* fuzz_demand.c - demand files: whatever the bytes, the counts add up, and so does a second reading
 * of the same in other pieces. The first byte says how: options in its bits. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/demand.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 0, or -1 with `err` set. */
static int read_in_pieces(struct demand *d, const struct demand_opts *opts, const uint8_t *data,
                          size_t size, size_t piece, struct arena *a, struct error *err)
{
    if (demand_init(d, opts, a, err) != 0)
        return -1;
    for (;;) {
        size_t room, n = size < piece ? size : piece;
        char *to = demand_room(d, &room);
        assert(room >= 1);
        n = n < room ? n : room;
        if (n > 0)
            memcpy(to, data, n);
        if (demand_take(d, n, err) != 0)
            return -1;
        if (n == 0)
            return 0;
        data += n;
        size -= n;
    }
}

static void check_sums(const struct demand *d)
{
    int64_t rows = d->used + d->not_meant;
    uint64_t count = 0;
    double week[TOPO_SLOTS];
    for (int i = 0; i < DEMAND_REASONS; i++)
        rows += d->left[i].rows;
    assert(rows == d->rows && d->used > 0);
    bool years = d->hour_last - d->hour_first > 100000; /* to be added up in good time */
    for (size_t i = 0; i < d->place_count && !years; i++) {
        const struct demand_place *p = &d->place[i];
        uint64_t hours = 0, slots = 0;
        for (int64_t h = d->hour_first; h <= d->hour_last; h++) {
            assert(demand_hour(p, h) <= p->peak);
            hours += demand_hour(p, h);
        }
        for (size_t s = 0; s < TOPO_SLOTS; s++)
            slots += p->week[s];
        assert(hours == p->count && slots == p->count);
        count += p->count;
        demand_week(d, p, week);
        for (size_t s = 0; s < TOPO_SLOTS; s++)
            assert(week[s] >= 0 && week[s] <= 1e15);
    }
    assert(years || count == d->count);
    assert(d->peak_of_sum <= d->sum_of_peaks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct error err = {0}, again = {0};
    struct demand *d = calloc(2, sizeof *d);
    uint8_t how = size > 0 ? data[0] : 0;
    const struct demand_opts opts = {
        .name = "x",
        .zone = (enum demand_zone)(how % 3),
        .month_first = (how & 4) != 0,
        .where = (how & 8) != 0 ? "kind!=cancel,count>0" : NULL,
        .time = (how & 16) != 0 ? "b" : NULL,
    };
    assert(d != NULL);
    data += size > 0;
    size -= size > 0;
    int status = read_in_pieces(&d[0], &opts, data, size, size + 1, &a, &err);
    if (status == 0)
        check_sums(&d[0]);
    else
        assert(err.code != ERR_NONE && err.text[0] == 'x');
    /* What comes in pieces is told the same; only a NUL byte is seen earlier or later. */
    if (memchr(data, '\0', size) == NULL && size < 4096 && (how & 32) != 0) {
        assert(read_in_pieces(&d[1], &opts, data, size, 1 + how / 64, &a, &again) == status);
        assert(status == 0 ? d[0].count == d[1].count && d[0].rows == d[1].rows : 1);
    }
    arena_release(&a);
    free(d);
    return 0;
}
