/* fill.h - put a shop's products and customers into live cells, through the door.
 *
 * Idempotent: codes and keys are made from stock codes and customers' numbers. */
#ifndef COMMANDS_FILL_H
#define COMMANDS_FILL_H

#include <stdbool.h>
#include <stddef.h>

#include "commands/shop.h"
#include "wire/load.h"

enum {
    FILL_IN_FLIGHT = 24, /* per country: fewer than the smallest cell has places */
    FILL_RETRIES = 5,
    FILL_COUNTRIES_MAX = 64,
    FILL_TIMEOUT_US = 5000000,
};

struct fill { /* fields are private to fill.c */
    const struct shop *shop;
    char (*country)[3];
    size_t country_count;
    size_t at[FILL_COUNTRIES_MAX]; /* by country: how many have been sent */
    size_t turn;
    struct shop_post post;
};

/* Make `stream` the filling of these countries, a group each, with every product and those
 * customers that are theirs. `f`, the shop and the countries are borrowed until it is over. */
void fill_plan(struct fill *f, struct load_stream *stream, const struct shop *shop,
               char (*country)[3], size_t country_count, int port);

#endif
