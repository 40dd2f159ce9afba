/* order.h - orders: what they hold, and how one is placed.
 *
 * Placing is a small machine: the customer must exist, the goods must be reserved, then the order
 * is committed and only then acknowledged.
 *
 *     checking --yes--> reserving --yes--> committing --yes--> confirmed
 *         |                 |                  |
 *         +-------no--------+--------no--------+-------------> refused
 *         +----silence------+------silence-----+-------------> failed
 *
 * A step that stays silent is tried again, elsewhere, while there are tries and time. Repeating a
 * step does no harm: a look changes nothing, a reservation and the row are made once per order id.
 * So an order that failed, or whose answer was lost, may be placed again with the same key, and
 * goes on from where it was; until then the goods it has reserved stay reserved. */
#ifndef REGION_ORDER_H
#define REGION_ORDER_H

#include "region/lines.h"
#include "region/record.h"

struct order {
    struct record record;
    const char *customer;
    struct line *lines;
    size_t line_count;
    int state;
};

extern const struct kind order_kind;

enum order_state {
    ORDER_CHECKING,   /* ask the customer service for the customer: its answer's status */
    ORDER_RESERVING,  /* ask the catalog service to reserve the lines: the same */
    ORDER_COMMITTING, /* write the row: 201, or 422 when the key had been used for another order */
    ORDER_CONFIRMED,  /* answer 201 */
    ORDER_REFUSED,    /* answer `answer` and why */
    ORDER_FAILED,     /* answer `answer`: come back later */
};
extern const char *const order_state_words[]; /* by state, ended by NULL */

struct order_placing {
    enum order_state state;
    uint32_t tries; /* of this step, that have ended */
    uint32_t tries_max;
    int64_t deadline_us; /* whoever asked does not wait longer */
    int answer;          /* the status to answer with, once nothing is left to do */
};

/* Begin. `tries_max` >= 1, of each step. */
void order_init(struct order_placing *o, uint32_t tries_max, int64_t deadline_us);

/* The step that was to be done has ended with an HTTP status, 0 for no answer. Returns what is to
 * be done next, which may be the same again. Not to be called when nothing is left to do. */
enum order_state order_next(struct order_placing *o, int status, int64_t now_us);

/* How long the try that begins now may take, so that some time is left for what comes after. */
int64_t order_try_us(const struct order_placing *o, int64_t now_us);

#endif
