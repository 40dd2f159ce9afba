#include "simulator/metrics.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/topo.h"
#include "simulator/caches.h"
#include "simulator/functions.h"
#include "simulator/orders.h"
#include "simulator/parts.h"
#include "simulator/result.h"

/* Whose a metric is: in the sample itself, or in an array of the sample's with one item for each
 * country, for each service of each cell, each cell with orders, each stage of its pipeline, or
 * each step of calls with a cache in it. */
enum scope {
    SCOPE_RUN,
    SCOPE_COUNTRY,
    SCOPE_GROUP,
    SCOPE_FUNCTION,
    SCOPE_ORDERS,
    SCOPE_STAGE,
    SCOPE_CACHE
};

struct row {
    const char *name;
    enum scope scope;
    enum metric_type type;
    size_t array;  /* offset of the array's pointer in the sample; RUN: of the number */
    size_t stride; /* bytes of an item */
    size_t offset; /* of the number in its item */
};

#define RUN(member, type_)                                                        \
    {                                                                             \
#member, SCOPE_RUN, (type_), offsetof(struct result_sample, member), 0, 0 \
    }
#define COUNTRY(member, type_)                                                     \
    {                                                                              \
#member, SCOPE_COUNTRY, (type_), offsetof(struct result_sample, country),  \
            sizeof(struct result_country), offsetof(struct result_country, member) \
    }
#define GROUP(member, type_)                                                   \
    {                                                                          \
#member, SCOPE_GROUP, (type_), offsetof(struct result_sample, member), \
            sizeof(((struct result_sample *)NULL)->member[0]), 0               \
    }

#define FUNCTION(member)                                                                           \
    {                                                                                              \
        "function." #member, SCOPE_FUNCTION, METRIC_I64, offsetof(struct result_sample, function), \
            sizeof(struct result_function), offsetof(struct result_function, member)               \
    }
#define ORDERS(member, type_)                                                             \
    {                                                                                     \
        "orders." #member, SCOPE_ORDERS, (type_), offsetof(struct result_sample, orders), \
            sizeof(struct result_orders), offsetof(struct result_orders, member)          \
    }
#define STAGE(member)                                                            \
    {                                                                            \
#member, SCOPE_STAGE, METRIC_I64, offsetof(struct result_sample, stage), \
            sizeof(struct result_stage), offsetof(struct result_stage, member)   \
    }
#define CACHE(member, type_)                                                           \
    {                                                                                  \
        "cache." #member, SCOPE_CACHE, (type_), offsetof(struct result_sample, cache), \
            sizeof(struct result_cache), offsetof(struct result_cache, member)         \
    }

/* A row for every field of struct result_sample, the rows of a scope one behind the other. */
static const struct row rows[] = {
    RUN(events, METRIC_I64),
    RUN(digest, METRIC_I64),
    RUN(shifts, METRIC_I64),
    RUN(retired, METRIC_I64),
    RUN(detect_s, METRIC_F64),
    COUNTRY(requests, METRIC_I64),
    COUNTRY(ok, METRIC_I64),
    COUNTRY(shed, METRIC_I64),
    COUNTRY(failed, METRIC_I64),
    COUNTRY(retries, METRIC_I64),
    COUNTRY(again, METRIC_I64),
    COUNTRY(mean_ms, METRIC_F64),
    COUNTRY(p50_ms, METRIC_F64),
    COUNTRY(p99_ms, METRIC_F64),
    COUNTRY(p999_ms, METRIC_F64),
    COUNTRY(max_ms, METRIC_F64),
    COUNTRY(mean_half_ms, METRIC_F64),
    COUNTRY(times.hurt_s, METRIC_F64),
    COUNTRY(times.mitigate_s, METRIC_F64),
    COUNTRY(times.recover_s, METRIC_F64),
    COUNTRY(times.recovered, METRIC_F64),
    COUNTRY(customers_hurt, METRIC_I64),
    COUNTRY(background.requests, METRIC_I64),
    COUNTRY(background.ok, METRIC_I64),
    COUNTRY(background.shed, METRIC_I64),
    COUNTRY(background.failed, METRIC_I64),
    COUNTRY(background.mean_ms, METRIC_F64),
    COUNTRY(background.p50_ms, METRIC_F64),
    COUNTRY(background.p99_ms, METRIC_F64),
    COUNTRY(background.p999_ms, METRIC_F64),
    GROUP(tries_shed, METRIC_I64),
    GROUP(busy_ns, METRIC_I64),
    GROUP(wait_ns, METRIC_I64),
    GROUP(waiting_max, METRIC_I64),
    GROUP(server_ns, METRIC_I64),
    GROUP(tries, METRIC_I64),
    GROUP(copies, METRIC_I64),
    FUNCTION(starts),
    FUNCTION(instances_max),
    FUNCTION(cold),
    FUNCTION(warm),
    FUNCTION(cold_us),
    FUNCTION(warm_us),
    ORDERS(placed, METRIC_I64),
    ORDERS(refused, METRIC_I64),
    ORDERS(complete, METRIC_I64),
    ORDERS(filtered, METRIC_I64),
    ORDERS(cancelled, METRIC_I64),
    ORDERS(dead, METRIC_I64),
    ORDERS(open, METRIC_I64),
    ORDERS(lost, METRIC_I64),
    ORDERS(doubled, METRIC_I64),
    ORDERS(torn, METRIC_I64),
    ORDERS(messages, METRIC_I64),
    ORDERS(bytes, METRIC_I64),
    ORDERS(asks, METRIC_I64),
    ORDERS(ask_bytes, METRIC_I64),
    ORDERS(tries_failed, METRIC_I64),
    ORDERS(leases_over, METRIC_I64),
    ORDERS(late, METRIC_I64),
    ORDERS(crowded, METRIC_I64),
    ORDERS(transactions, METRIC_I64),
    ORDERS(polls_empty, METRIC_I64),
    ORDERS(mean_ms, METRIC_F64),
    ORDERS(p50_ms, METRIC_F64),
    ORDERS(p99_ms, METRIC_F64),
    STAGE(taken),
    STAGE(done),
    STAGE(undone),
    STAGE(held_us),
    STAGE(waiting_us),
    STAGE(waiting_max),
    STAGE(waiting_end),
    STAGE(oldest_us),
    CACHE(looks, METRIC_I64),
    CACHE(hits, METRIC_I64),
    CACHE(stale, METRIC_I64),
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static size_t rows_of(enum scope scope)
{
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++)
        n += rows[i].scope == scope;
    return n;
}

static size_t items_of(enum scope scope, const struct topo *topo)
{
    switch (scope) {
    case SCOPE_COUNTRY:
        return topo->country_count;
    case SCOPE_GROUP:
        return topo->cell_count * topo->service_count;
    case SCOPE_FUNCTION:
        return topo->cell_count * functions_per_cell(topo);
    case SCOPE_ORDERS:
        return orders_wanted(topo) ? topo->cell_count : 0;
    case SCOPE_STAGE:
        return topo->cell_count * orders_stations(topo);
    case SCOPE_CACHE:
        return topo->cell_count * caches_per_cell(topo);
    case SCOPE_RUN:
        break;
    }
    return 1;
}

size_t metrics_count(const struct topo *topo)
{
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++)
        n += items_of(rows[i].scope, topo);
    return n;
}

/* All metrics of an item stand together: scope by scope, item by item, row by row. */
static const struct row *row_at(size_t *item, const struct topo *topo, size_t index)
{
    const struct row *row = rows;
    for (;;) {
        size_t width = rows_of(row->scope), items = items_of(row->scope, topo);
        if (index < width * items) {
            *item = index / width;
            return row + index % width;
        }
        index -= width * items;
        row += width;
        assert(row < rows + ROWS);
    }
}

void metrics_name(char out[METRICS_NAME_MAX], const struct topo *topo, size_t index)
{
    size_t item;
    struct parts_place place;
    const struct row *row = row_at(&item, topo, index);
    switch (row->scope) {
    case SCOPE_RUN:
        snprintf(out, METRICS_NAME_MAX, "%s", row->name);
        break;
    case SCOPE_COUNTRY:
        snprintf(out, METRICS_NAME_MAX, "%s.%s", topo->countries[item].name, row->name);
        break;
    case SCOPE_GROUP:
        snprintf(out, METRICS_NAME_MAX, "%s.%s.%s", topo->cells[item / topo->service_count].name,
                 topo->services[item % topo->service_count].name, row->name);
        break;
    case SCOPE_FUNCTION:
        place = parts_function_place(topo, item);
        snprintf(out, METRICS_NAME_MAX, "%s.%s.%s", topo->cells[place.cell].name,
                 topo->services[place.service].name, row->name);
        break;
    case SCOPE_ORDERS:
        snprintf(out, METRICS_NAME_MAX, "%s.%s", topo->cells[item].name, row->name);
        break;
    case SCOPE_STAGE:
        snprintf(out, METRICS_NAME_MAX, "%s.stage-%s.%s",
                 topo->cells[item / orders_stations(topo)].name,
                 parts_stage_name(topo, item % orders_stations(topo)), row->name);
        break;
    case SCOPE_CACHE:
        place = parts_cache_place(topo, item);
        snprintf(out, METRICS_NAME_MAX, "%s.%s.calls-%zu.%s", topo->cells[place.cell].name,
                 topo->services[place.service].name, place.step, row->name);
        break;
    }
}

/* Where the number of `row` lies for `item`. */
static char *place_of(const struct result_sample *sample, const struct row *row, size_t item)
{
    char *base = (char *)sample + row->array;
    if (row->scope == SCOPE_RUN)
        return base;
    char *items;
    memcpy(&items, base, sizeof items); /* the arrays differ in type, so the bytes are read */
    return items + item * row->stride + row->offset;
}

void metrics_take(struct metric *out, const struct result_sample *sample, const struct topo *topo)
{
    for (size_t i = 0, n = metrics_count(topo), item; i < n; i++) {
        const struct row *row = row_at(&item, topo, i);
        const char *place = place_of(sample, row, item);
        out[i] = (struct metric){.type = row->type};
        if (row->type == METRIC_I64)
            memcpy(&out[i].i64, place, sizeof out[i].i64);
        else
            memcpy(&out[i].f64, place, sizeof out[i].f64);
    }
}

int metrics_put(struct result_sample *sample, const struct metric *in, const struct topo *topo)
{
    for (size_t i = 0, n = metrics_count(topo), item; i < n; i++) {
        const struct row *row = row_at(&item, topo, i);
        if (in[i].type != row->type)
            return -1;
        char *place = place_of(sample, row, item);
        if (row->type == METRIC_I64)
            memcpy(place, &in[i].i64, sizeof in[i].i64);
        else
            memcpy(place, &in[i].f64, sizeof in[i].f64);
    }
    return 0;
}
