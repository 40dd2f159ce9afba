/* tables_calls.c - what who asks decides by itself: second copies of slow requests, and refusing
 * what would be refused. Both by the code that the door runs. */
#include <math.h>

#include "base/fmath.h"
#include "base/rng.h"
#include "control/breaker.h"
#include "control/hedge.h"
#include "simulator/tables.h"

#define NONE ((double)NAN)

enum { REPLICATIONS = 64, MEAN_US = 1000000, SETTLE = 2000 };

/* ---- hedging ---- */

/* Requests one after the other whose tries take exponential times, each hedged when it is slower
 * than the quantile learned so far. Value 0: copies per request; 1: the share over `over_us`. */
static int hedged(const struct subject *s, uint64_t seed, uint64_t replication,
                  struct subject_sample *sample, struct arena *a, struct error *err)
{
    const struct hedge_opts opts = {.quantile = s->hedge.quantile, .budget = 1};
    struct hedge hedge = hedge_none_seen(&opts, 0);
    struct rng rng;
    int64_t copies = 0, slow = 0;
    (void)a;
    (void)err;
    rng_named(&rng, seed, replication, s->name, "times");
    for (int64_t i = -SETTLE; i < s->hedge.requests; i++) {
        int64_t wait_us = hedge_wait_us(&hedge);
        hedge_begin(&hedge);
        int64_t time_us = (int64_t)(rng_exp(&rng) * MEAN_US);
        int64_t copy_us = (int64_t)(rng_exp(&rng) * MEAN_US);
        bool copied = time_us > wait_us && hedge_allowed(&hedge);
        if (copied && wait_us + copy_us < time_us)
            time_us = wait_us + copy_us;
        hedge_seen(&hedge, time_us);
        copies += i >= 0 && copied;
        slow += i >= 0 && time_us > s->hedge.over_us;
    }
    sample->value[0] = (double)copies / (double)s->hedge.requests;
    sample->value[1] = (double)slow / (double)s->hedge.requests;
    return 0;
}

void tables_hedging(struct tables *t)
{
    static const struct {
        double quantile, copies, digit;
    } rows[] = {{0.9, NONE, 0}, {0.95, 0.05, 0.005}, {0.99, NONE, 0}};
    struct validate_table *table = tables_begin(
        t, "hedging", "Exponential requests, hedged when slower than a quantile of them",
        "Dean and Barroso 2013 (CACM 56(2)): after the 95th percentile about 5 % more load; exact: "
        "two tries, the second one later");
    if (table == NULL)
        return;
    table->percent = 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double late = 1 - rows[i].quantile, percent = rows[i].quantile * 100;
        /* Over x > w with probability e^-x e^-(x - w), w the quantile: half as many as are copied
         * at x = w + ln(2) / 2. */
        double over = -fmath_log(late) + fmath_log(2.0) / 2;
        struct subject s = {.replicate = hedged, .replications = REPLICATIONS};
        struct validate_row *row =
            tables_row(t, rows[i].copies, rows[i].digit, late, "after p%.0f: copies", percent);
        row->allowed = 0.02 * late;
        row->note = "the quantile is learned, and wavers by a fiftieth of itself";
        tables_measure(t, &s, 0, row, 2, late);
        row = tables_row(t, NONE, 0, late / 2, "after p%.0f: slower than %.3f times the mean",
                         percent, over);
        row->allowed = 0.02 * late;
        row->note = "the quantile is learned, and wavers by a fiftieth of itself";
        tables_measure(t, &s, 1, row, 2, late);
        s.hedge.quantile = rows[i].quantile;
        s.hedge.over_us = (int64_t)(over * MEAN_US);
        s.hedge.requests = (int64_t)(1500 / late / (t->within * t->within)) + 1000;
        s.cost = (double)s.hedge.requests * REPLICATIONS;
        tables_simulate(t, &s, "hedging/%.0f", percent);
    }
}

/* ---- adaptive throttling ---- */

enum { MS_US = 1000, WINDOW_US = 10 * 1000 * MS_US, WINDOWS = 10, TOKENS_MAX = 100, OVERLOAD = 10 };

/* A request every millisecond for a server that accepts one in ten of these and refuses what is
 * sent beyond. The first windows are not counted: they hold what was sent before anything was
 * known. Value 0: what it refuses for each one that it accepts. */
static int throttled(const struct subject *s, uint64_t seed, uint64_t replication,
                     struct subject_sample *sample, struct arena *a, struct error *err)
{
    const struct breaker_opts opts = {.k = s->throttle.k, .window_us = WINDOW_US};
    struct breaker breaker = breaker_closed(&opts, 0);
    struct rng rng;
    int64_t sent = 0, accepted = 0, tokens = 0;
    (void)a;
    (void)err;
    rng_named(&rng, seed, replication, s->name, "refusals");
    for (int64_t i = -WINDOWS * WINDOW_US / MS_US; i < s->throttle.requests; i++) {
        int64_t now_us = WINDOWS * (int64_t)WINDOW_US + i * MS_US;
        tokens += i % OVERLOAD == 0 && tokens < TOKENS_MAX;
        if (!breaker_allows(&breaker, &rng, now_us))
            continue;
        sent += i >= 0;
        if (tokens == 0)
            continue;
        tokens--;
        accepted += i >= 0;
        breaker_accepted(&breaker, now_us);
    }
    sample->value[0] = (double)(sent - accepted) / (double)accepted;
    return 0;
}

void tables_throttling(struct tables *t)
{
    static const struct {
        double k, published;
    } rows[] = {{2, 1}, {1.5, NONE}, {1.1, 0.1}};
    struct validate_table *table = tables_begin(
        t, "throttling", "Requests that a server at ten times its load refuses for each accepted",
        "Google, \"Site Reliability Engineering\", Handling Overload: one with K = 2, 0.1 with K = "
        "1.1; exact: K - 1");
    if (table == NULL)
        return;
    table->decimals = 4;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double exact = rows[i].k - 1;
        struct validate_row *row =
            tables_row(t, rows[i].published, 1e-9, exact, "K = %.1f", rows[i].k);
        struct subject s = {.replicate = throttled, .replications = REPLICATIONS};
        row->allowed = 0.005;
        row->note = "the rule's 1 in the denominator, and the window that forgets by eighths";
        tables_measure(t, &s, 0, row, 2, exact);
        s.throttle.k = rows[i].k;
        s.throttle.requests = (int64_t)(200000 / (t->within * t->within)) + 20000;
        s.cost = (double)s.throttle.requests * REPLICATIONS;
        tables_simulate(t, &s, "throttling/%.1f", rows[i].k);
    }
}
