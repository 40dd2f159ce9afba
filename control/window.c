#include "control/window.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

void window_init(struct window *w, int64_t now_us)
{
    w->began_us = now_us;
    for (size_t i = 0; i < WINDOW_SLOTS; i++)
        w->slot[i].number = -1;
}

void window_add(struct window *w, int64_t now_us, int64_t latency_us, bool failed)
{
    assert(now_us >= 0);
    int64_t number = now_us / WINDOW_SLOT_US;
    struct window_slot *slot = &w->slot[number % WINDOW_SLOTS];
    if (slot->number != number)
        *slot = (struct window_slot){.number = number};
    slot->failed += failed;
    hist_add(&slot->latency, latency_us);
}

struct window_sum window_read(const struct window *w, int64_t now_us)
{
    struct hist all = {0};
    uint64_t failed = 0;
    int64_t number = now_us / WINDOW_SLOT_US;
    for (size_t i = 0; i < WINDOW_SLOTS; i++) {
        const struct window_slot *slot = &w->slot[i];
        if (slot->number < 0 || slot->number <= number - WINDOW_SLOTS)
            continue;
        failed += slot->failed;
        hist_pool(&all, &slot->latency);
    }
    /* Nine whole seconds and what there is of this one; a rate over less than one is noise. */
    int64_t from_us = (number - WINDOW_SLOTS + 1) * WINDOW_SLOT_US;
    int64_t span_us = now_us - (from_us > w->began_us ? from_us : w->began_us);
    if (span_us < WINDOW_SLOT_US)
        span_us = WINDOW_SLOT_US;
    return (struct window_sum){
        .requests = all.count,
        .rps = (double)all.count * 1e6 / (double)span_us,
        .failed = all.count > 0 ? (double)failed / (double)all.count : (double)NAN,
        .p99_us = hist_quantile_us(&all, 0.99),
    };
}
