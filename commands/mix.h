/* mix.h - what customers do: look at items, search, look at themselves, and order.
 *
 * Reads are of what the cells hold, so that is asked first. Orders are made up, or are the real
 * ones of a file, with the invoice as their key, so that replaying them twice makes each once. */
#ifndef COMMANDS_MIX_H
#define COMMANDS_MIX_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "commands/failures.h"
#include "commands/shop.h"
#include "wire/lease_file.h"
#include "wire/load.h"

struct arena;
struct error;

enum mix_kind { MIX_ITEM, MIX_SEARCH, MIX_CUSTOMER, MIX_VENDOR, MIX_ORDER, MIX_KINDS };

enum {
    MIX_COUNTRIES_MAX = 64,
    MIX_ROWS_MAX = 20000, /* of a kind, in a country, that are looked at */
    MIX_WORD_MAX = 24,
    MIX_LINES_MAX = 5, /* of an order made up */
};

struct mix_names {
    const char **id;
    char (*word)[MIX_WORD_MAX]; /* items: one of its description, "" for none */
    size_t count, size;
    struct arena *a;
    bool failed; /* no memory */
};

struct mix_country {
    struct mix_names items, customers, vendors;
};

struct mix { /* after mix_init, those down to `rate` may be set and read */
    char (*country)[3];
    size_t country_count;
    double share[MIX_KINDS];         /* of the requests, any scale */
    const struct shop *replay;       /* its orders instead of made up ones; NULL: none */
    int64_t speed;                   /* of the replay, for LOAD_AS_TOLD: times as fast as it was */
    bool *acknowledged;              /* by order in `replay`, set by mix_done; NULL: not kept */
    size_t wrong_ids;                /* acknowledged with another id than the key makes */
    struct failures failures;        /* why requests failed, by mix_done */
    struct lease_file *leases;       /* surge and poison, of the countries below; NULL: none */
    size_t place[MIX_COUNTRIES_MAX]; /* in its topology */
    double rate;                     /* requests per second, without those */
    struct mix_country *countries;
    struct rng rng;
    char run[32]; /* what makes the keys of this run its own */
    uint64_t order_count;
    size_t replay_at;
    int64_t replay_from_min;
    char target[128];
    struct shop_post post;
};

/* Ask the cells behind the door at `port` what they hold. 0, or -1 with `err` set: ERR_MISSING when
 * a country has no items or no customers. */
int mix_init(struct mix *m, char (*country)[3], size_t country_count, int port, uint64_t seed,
             const volatile sig_atomic_t *stop, struct arena *a, struct error *err);

/* The shares of kinds when orders have `orders` of 1: the rest as the example topologies have it,
 * three quarters of the looks at items by id. */
void mix_share(struct mix *m, double orders);

/* For load_stream.pace_factor: how many times `rate` is asked now, by faults. A request of a
 * poisonous customer is one of its country. */
double mix_pace(void *context);

/* For load_stream.next: the context is the mix, groups are its countries. A request's id is that of
 * the order in `replay` plus one, or 0. */
bool mix_next(void *context, struct load_request *out);

/* For load_stream.done: keeps why requests failed, and which orders of `replay` were acknowledged.
 */
void mix_done(void *context, const struct load_request *r, enum load_outcome outcome,
              const struct http_reply *reply);

#endif
