#include "region/order.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

/* ---- the record ---- */

static const char *const state_words[] = {"confirmed", NULL};

#define ORDER_ROWS                                                                                 \
    JSON_STR(struct order, customer, "customer", .required = true, .doc = "The id of who orders"), \
        JSON_LIST(struct order, lines, line_count, "lines", struct line, line_fields,              \
                  .required = true, .count_min = 1, .count_max = LINES_MAX,                        \
                  .doc = "What is ordered")

static const struct json_field body_fields[] = {ORDER_ROWS, JSON_END};
static const struct json_field fields[] = {
    RECORD_ROWS_FIRST(struct order),
    ORDER_ROWS,
    JSON_WORD(struct order, state, "state", state_words, .doc = "How far it is"),
    RECORD_ROWS_LAST(struct order),
    JSON_END,
};

static const char *const schema[] = {RECORD_SCHEMA};

static int check(const void *body, const char *country, struct record_facts *facts, struct arena *a,
                 struct error *err)
{
    const struct order *order = body;
    *facts = (struct record_facts){.owner = order->customer};
    if (id_check(order->customer, country, ID_CUSTOMER, "customer", err) != 0)
        return -1;
    return lines_check(order->lines, order->line_count, country, a, err);
}

const struct kind order_kind = {
    .name = "order",
    .plural = "orders",
    .id = ID_ORDER,
    .size = sizeof(struct order),
    .body = body_fields,
    .fields = fields,
    .check = check,
    .schema = schema,
    .schema_count = sizeof schema / sizeof schema[0],
};

/* ---- placing one ---- */

const char *const order_state_words[] = {"checking", "reserving", "committing", "confirmed",
                                         "refused",  "failed",    NULL};

#define STATE(state) (1u << (state))

enum { NOES_MAX = 2 };

static const struct step {
    unsigned next;         /* mask of the states that may follow */
    int yes;               /* the status that leads on, */
    enum order_state then; /* to here */
    struct {
        int status, answer; /* a refusal, and what it means to who ordered */
    } no[NOES_MAX];
    uint32_t tries_max;  /* 0: as many as allowed */
    int64_t steps_after; /* that want time as well */
} steps[] = {
    [ORDER_CHECKING] =
        {
            .next = STATE(ORDER_CHECKING) | STATE(ORDER_RESERVING) | STATE(ORDER_REFUSED) |
                    STATE(ORDER_FAILED),
            .yes = 200,
            .then = ORDER_RESERVING,
            .no = {{404, 422}},
            .steps_after = 2,
        },
    [ORDER_RESERVING] =
        {
            .next = STATE(ORDER_RESERVING) | STATE(ORDER_COMMITTING) | STATE(ORDER_REFUSED) |
                    STATE(ORDER_FAILED),
            .yes = 201,
            .then = ORDER_COMMITTING,
            .no = {{409, 409}, {422, 422}},
            .steps_after = 1,
        },
    [ORDER_COMMITTING] =
        {
            .next = STATE(ORDER_CONFIRMED) | STATE(ORDER_REFUSED) | STATE(ORDER_FAILED),
            .yes = 201,
            .then = ORDER_CONFIRMED,
            .no = {{422, 422}},
            .tries_max = 1, /* the store is the same from everywhere */
        },
    [ORDER_CONFIRMED] = {.next = 0},
    [ORDER_REFUSED] = {.next = 0},
    [ORDER_FAILED] = {.next = 0},
};

static enum order_state move(struct order_placing *o, enum order_state to, int answer)
{
    assert(steps[o->state].next & STATE(to));
    if (o->state != to)
        o->tries = 0;
    o->state = to;
    o->answer = answer;
    return to;
}

void order_init(struct order_placing *o, uint32_t tries_max, int64_t deadline_us)
{
    assert(tries_max >= 1);
    *o = (struct order_placing){.tries_max = tries_max, .deadline_us = deadline_us};
}

enum order_state order_next(struct order_placing *o, int status, int64_t now_us)
{
    const struct step *step = &steps[o->state];
    assert(step->next != 0);
    if (status == step->yes)
        return move(o, step->then, step->then == ORDER_CONFIRMED ? 201 : 0);
    for (size_t i = 0; i < NOES_MAX; i++)
        if (status != 0 && status == step->no[i].status)
            return move(o, ORDER_REFUSED, step->no[i].answer);
    uint32_t tries_max = step->tries_max != 0 ? step->tries_max : o->tries_max;
    if (++o->tries < tries_max && now_us < o->deadline_us)
        return move(o, o->state, 0);
    return move(o, ORDER_FAILED, 503);
}

int64_t order_try_us(const struct order_placing *o, int64_t now_us)
{
    int64_t left_us = o->deadline_us - now_us;
    int64_t parts = (int64_t)(o->tries_max - o->tries) + steps[o->state].steps_after;
    return left_us > parts ? left_us / parts : 1;
}
