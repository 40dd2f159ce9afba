/* place.c - placing an order: what order_next says is to be done, done over HTTP and the store. */
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "base/error.h"
#include "region/live/handlers.h"
#include "region/live/request.h"
#include "region/live/trouble.h"
#include "wire/clock.h"

static void do_step(struct request *r);

/* `who` did not do its step: `why`. */
static void give_up(struct request *r, const char *who, const char *why)
{
    const char *sentence = arena_format(
        &r->arena,
        "the order cannot be placed now (%s: %s); with the same key it may be tried again", who,
        why);
    request_refuse_later(r, sentence != NULL ? sentence : "no memory left");
}

/* Whatever the last try came to. */
static void give_up_after(struct request *r, enum order_state step, const struct http_reply *reply)
{
    char why[48];
    if (step == ORDER_COMMITTING) {
        give_up(r, "order", "the store does not answer");
        return;
    }
    if (reply->failure != HTTP_OK)
        snprintf(why, sizeof why, "%s", http_failure_name(reply->failure));
    else
        snprintf(why, sizeof why, "it said %d", reply->status);
    give_up(r, step == ORDER_CHECKING ? "customer" : "catalog", why);
}

/* The step has ended. Where it was refused by another service, that one's words are passed on. */
static void step_ended(struct request *r, int status, const struct http_reply *reply)
{
    enum order_state before = r->placing.state;
    switch (order_next(&r->placing, status, clock_us())) {
    case ORDER_CHECKING:
    case ORDER_RESERVING:
    case ORDER_COMMITTING:
        if (r->placing.state != before)
            r->tried = 0;
        do_step(r);
        return;
    case ORDER_CONFIRMED:
        request_answer_created(r, order_kind.plural, r->work.create.id, r->work.create.found);
        return;
    case ORDER_REFUSED:
        if (before == ORDER_CHECKING)
            request_refuse(r, r->placing.answer, "customer: %s does not exist",
                           r->work.create.facts.owner);
        else if (before == ORDER_COMMITTING)
            request_refuse(r, r->placing.answer,
                           "this Idempotency-Key has been used with another body");
        else
            request_pass_on(r, r->placing.answer, "application/problem+json", reply->body,
                            reply->len);
        return;
    case ORDER_FAILED:
        give_up_after(r, before, reply);
        return;
    }
}

/* ---- asking a neighbour ---- */

static struct upstream *upstream_of(struct request *r)
{
    return r->placing.state == ORDER_CHECKING ? &r->service->customers : &r->service->catalogs;
}

static void replied(void *context, const struct http_reply *reply)
{
    struct request *r = context;
    bool ours = reply->failure == HTTP_BUSY || reply->failure == HTTP_UNSENT;
    bool answered = reply->failure == HTTP_OK;
    struct peers *peers = &upstream_of(r)->peers;
    uint32_t before = r->tried;
    request_go_on(r);
    if (!ours) /* our own trouble says nothing of theirs */
        peers_ended(peers, r->asked, answered, clock_us());
    r->tried = peers_tried(peers, r->tried, r->asked);
    bool others = r->tried != before && (r->tried & before) == before;
    if (reply->failure == HTTP_REFUSED && others) /* it cost nothing and did nothing */
        do_step(r);
    else
        step_ended(r, answered ? reply->status : 0, reply);
}

static void ask(struct request *r, const char *method, const char *target, const char *body)
{
    struct upstream *u = upstream_of(r);
    int64_t now_us = clock_us();
    int64_t wait_us = order_try_us(&r->placing, now_us);
    char left[DEADLINE_TEXT_MAX];
    const struct http_header headers[] = {
        {"Priority", "u=7"},
        {DEADLINE_HEADER, left},
        {"Content-Type", "application/json"},
        {"Idempotency-Key", r->work.create.id},
    };
    size_t from = r->item.background ? 0 : 1, until = body == NULL ? 2 : 4;
    deadline_write(left, wait_us);
    r->asked = peers_pick(&u->peers, r->tried, now_us);
    request_wait(r);
    http_send(u->client[r->asked], method, target, headers + from, until - from, body,
              body == NULL ? 0 : strlen(body), wait_us, replied, r);
}

static void ask_customer(struct request *r)
{
    const char *target =
        arena_format(&r->arena, "/%s/customers/%s", r->target.country, r->work.create.facts.owner);
    if (target == NULL)
        give_up(r, "order", "no memory left");
    else
        ask(r, "GET", target, NULL);
}

static void ask_catalog(struct request *r)
{
    const struct order *order = (const struct order *)r->work.create.made;
    struct reservation wanted = {r->work.create.id, order->lines, order->line_count};
    const char *target = arena_format(&r->arena, "/%s/reservations", r->target.country);
    const char *body = json_encode(&wanted, reservation_fields, &r->arena);
    if (target == NULL || body == NULL)
        give_up(r, "order", "no memory left");
    else
        ask(r, "POST", target, body);
}

/* ---- our own row ---- */

static void committed(void *context, int status, const struct error *err)
{
    struct request *r = context;
    enum record_outcome outcome = r->work.create.outcome;
    request_go_on(r);
    r->unwell = status != 0;
    if (status != 0)
        request_count_failure(r->service, err);
    if (status != 0 || outcome == RECORD_NONE)
        step_ended(r, 0, NULL);
    else
        step_ended(r, outcome == RECORD_CREATED || outcome == RECORD_REPEATED ? 201 : 422, NULL);
}

static void commit(struct request *r)
{
    struct error err;
    request_wait(r);
    if (!trouble_store(r, &err) ||
        !store_write(r->service->store.store, record_create_work, &r->work, committed, r))
        step_ended(r, 0, NULL);
}

static void do_step(struct request *r)
{
    if (r->placing.state == ORDER_CHECKING)
        ask_customer(r);
    else if (r->placing.state == ORDER_RESERVING)
        ask_catalog(r);
    else
        commit(r);
}

void handle_place(struct request *r)
{
    const struct topo_policy *policy = &r->service->topo->policy;
    if (!handle_make_create(r))
        return;
    int64_t now_us = clock_us();
    order_init(&r->placing, (uint32_t)policy->tries,
               now_us + deadline_wait(r->wanted_until_us, now_us, policy->timeout_us));
    r->tried = 0;
    do_step(r);
}
