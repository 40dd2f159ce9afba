#include "tests/tapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"

enum { ZONES = 3, AT_ONCE = 16 };

void tapes_release(struct tapes *t)
{
    free(t->record);
    free(t->bytes);
    *t = (struct tapes){.count = 0};
}

void tapes_add(struct tapes *t, const struct tape_record *record)
{
    if (t->record == NULL)
        t->record = malloc(TAPES_RECORDS_MAX * sizeof t->record[0]);
    assert_non_null(t->record);
    assert_true(t->count < TAPES_RECORDS_MAX);
    t->record[t->count++] = *record;
}

void tapes_write(struct tapes *t)
{
    int64_t before_us = 0;
    t->bytes = realloc(t->bytes, TAPE_MAGIC_BYTES + (t->count + 1) * TAPE_RECORD_MAX);
    assert_non_null(t->bytes);
    memcpy(t->bytes, TAPE_MAGIC, TAPE_MAGIC_BYTES);
    t->len = TAPE_MAGIC_BYTES;
    for (size_t i = 0; i < t->count; i++) {
        t->len += tape_encode(t->bytes + t->len, &t->record[i], before_us);
        before_us = t->record[i].now_us;
    }
}

void tapes_read(struct tapes *t, const uint8_t *bytes, size_t len)
{
    int64_t before_us = 0;
    *t = (struct tapes){.count = 0};
    for (size_t at = TAPE_MAGIC_BYTES, used; at < len; at += used) {
        struct tape_record record;
        struct error err;
        assert_int_equal(tape_decode(&record, &used, bytes + at, len - at, before_us, &err),
                         TAPE_WHOLE);
        before_us = record.now_us;
        tapes_add(t, &record);
    }
    tapes_write(t);
    assert_int_equal(t->len, len);
    assert_memory_equal(t->bytes, bytes, len);
}

/* ---- a door by hand ---- */

struct one { /* a request */
    struct route_request route;
    int64_t due_us; /* when something happens to it; 0: it is free */
    enum { TRIES, HEDGES, ENDS } what;
};

struct hand {
    struct tapes *tape;
    struct arena arena;
    struct retry retry;
    struct route_group g;
    struct rng luck;
    struct one one[AT_ONCE];
};

static void begin(struct hand *h, const struct route_opts *opts, uint64_t seed)
{
    struct tape_record record = {.kind = TAPE_OPEN, .cells = 1, .groups = 1, .requests = AT_ONCE};
    tapes_add(h->tape, &record);
    h->retry = retry_full(0.2, 100);
    record = (struct tape_record){.kind = TAPE_CELL, .retry = h->retry};
    tapes_add(h->tape, &record);
    record = (struct tape_record){
        .kind = TAPE_GROUP,
        .make = {.name = "de/catalog", .opts = *opts, .zones = ZONES, .per_zone = {1, 2, 1}}};
    rng_init(&record.make.rng, seed);
    rng_init(&h->luck, seed + 1);
    tapes_add(h->tape, &record);
    assert_int_equal(route_init(&h->g, opts, record.make.per_zone, ZONES, &h->retry,
                                &record.make.rng, 0, &h->arena),
                     0);
}

/* What is to happen after a choice, and when. */
static void follow(struct hand *h, struct one *one, const struct route_choice *c, int64_t now_us)
{
    int64_t takes_us = 1000 + (int64_t)rng_below(&h->luck, 100000);
    one->what = ENDS;
    if (c->act == ROUTE_RETRY) {
        one->what = TRIES;
        one->due_us = now_us + c->wait_us + 1;
    } else if (c->act == ROUTE_SEND && c->hedge_us < takes_us) {
        one->what = HEDGES;
        one->due_us = now_us + c->hedge_us + 1;
    } else if (c->act == ROUTE_SEND || c->act == ROUTE_WAIT) {
        one->due_us = now_us + takes_us;
    } else {
        one->due_us = 0;
    }
}

static void happen(struct hand *h, struct one *one, int64_t now_us)
{
    struct tape_record record = {.now_us = now_us, .request = (uint32_t)(one - h->one)};
    uint32_t luck = rng_below(&h->luck, 100);
    if (one->due_us == 0) {
        one->route = (struct route_request){.key = luck,
                                            .deadline_us = luck < 20 ? now_us + 50000 : INT64_MAX,
                                            .near = BALANCE_NO_ZONE};
        record.kind = TAPE_BEGIN;
        record.key = one->route.key;
        record.deadline_us = one->route.deadline_us;
        record.choice = route_begin(&h->g, &one->route, now_us);
    } else if (one->what == TRIES) {
        record.kind = TAPE_TRY;
        record.choice = route_try(&h->g, &one->route, now_us);
    } else if (one->what == HEDGES) {
        record.kind = TAPE_HEDGE;
        record.choice = route_hedge(&h->g, &one->route, now_us);
    } else if (luck < 2) {
        record.kind = TAPE_LEAVE;
        record.choice.act = ROUTE_STOP;
        route_leave(&h->g, &one->route, now_us);
    } else {
        record.kind = TAPE_END;
        record.replica =
            one->route.copy != BALANCE_NONE && luck % 2 == 0 ? one->route.copy : one->route.replica;
        record.outcome = luck < 60 ? ROUTE_GOOD : luck % ROUTE_OUTCOMES;
        record.gone = luck == 99;
        if (record.gone)
            one->route.deadline_us = now_us;
        record.choice = route_end(&h->g, &one->route, record.replica,
                                  (enum route_outcome)record.outcome, now_us);
    }
    follow(h, one, &record.choice, now_us);
    tapes_add(h->tape, &record);
}

static struct one *next(struct hand *h, int64_t now_us)
{
    struct one *first = NULL, *spare = NULL;
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct one *one = &h->one[i];
        if (one->due_us == 0)
            spare = one;
        else if (first == NULL || one->due_us < first->due_us)
            first = one;
    }
    return spare != NULL && (first == NULL || first->due_us > now_us) ? spare : first;
}

void tapes_play(struct tapes *t, const struct route_opts *opts, size_t requests, uint64_t seed)
{
    struct hand h = {.tape = t};
    int64_t now_us = 0;
    size_t begun = 0;
    *t = (struct tapes){.count = 0};
    begin(&h, opts, seed);
    while (begun < requests) {
        now_us += 1 + rng_below(&h.luck, 4000);
        if (rng_below(&h.luck, 1000) == 0) {
            struct tape_record record = {.kind = TAPE_PRESENT,
                                         .now_us = now_us,
                                         .replica = rng_below(&h.luck, h.g.balance.count)};
            record.present = h.g.balance.replica[record.replica].withdrawn;
            route_present(&h.g, record.replica, record.present);
            tapes_add(t, &record);
        }
        struct one *one = next(&h, now_us);
        begun += one->due_us == 0;
        now_us = one->due_us > now_us ? one->due_us : now_us;
        happen(&h, one, now_us);
    }
    const struct tape_record end = {.kind = TAPE_CLOSE, .now_us = now_us, .records = t->count};
    tapes_add(t, &end);
    tapes_write(t);
    arena_release(&h.arena);
}
