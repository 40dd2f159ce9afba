/* orders_check.h - is every acknowledged order there exactly once, and its goods taken once?
 *
 * Reads all orders and items of some countries through the door, and compares them with the orders
 * that were sent and with those that were acknowledged. */
#ifndef COMMANDS_ORDERS_CHECK_H
#define COMMANDS_ORDERS_CHECK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "commands/shop.h"

struct arena;
struct error;

struct orders_check { /* what came of it */
    size_t acknowledged;
    size_t there;          /* orders that are listed, of those that were sent */
    size_t missing;        /* acknowledged, and not there */
    size_t twice;          /* listed more than once */
    size_t unacknowledged; /* there without an acknowledgement: the answer was lost */
    size_t strange;        /* differ from what was sent */
    size_t others;         /* listed, and not sent by us */
    size_t stock_wrong;    /* items of which more or fewer are gone than the orders there say; an
                              order that failed half-way holds its goods until it is sent again.
                              Looked at when the shop's products are known */
};

/* `acknowledged` is by index into shop->orders. 0, or -1 with `err` set when it could not be
 * looked at. */
int orders_check(struct orders_check *result, const struct shop *shop, const bool *acknowledged,
                 char (*country)[3], size_t country_count, int port,
                 const volatile sig_atomic_t *stop, struct arena *a, struct error *err);

/* Whether nothing is wrong: all acknowledged are there, each once and as it was sent. */
bool orders_check_ok(const struct orders_check *result);

#endif
