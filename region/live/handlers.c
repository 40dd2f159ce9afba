#include "region/live/handlers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/vitals.h"
#include "region/live/request.h"
#include "region/live/trouble.h"
#include "wire/clock.h"

static const struct error full = {ERR_LIMIT, "too much waits for it"};

static void ask_to_read(struct request *r, store_work *work, store_done *done)
{
    struct error err;
    if (!trouble_store(r, &err))
        request_store_failed(r, &err);
    else if (!store_read(r->service->store.store, work, &r->work, done, r))
        request_store_failed(r, &full);
}

static void ask_to_write(struct request *r, store_work *work, store_done *done)
{
    struct error err;
    request_wait(r);
    if (!trouble_store(r, &err))
        request_store_failed(r, &err);
    else if (!store_write(r->service->store.store, work, &r->work, done, r))
        request_store_failed(r, &full);
}

/* ---- health ---- */

static void probed(void *context, int status, const struct error *err)
{
    struct request *r = context;
    const struct service *s = r->service;
    const struct service_counts *counts = &s->counts;
    const struct store_stats stats = store_stats(s->store.store);
    int64_t now_us = request_now_us(s), oldest_us = admission_oldest(&s->admission);
    const struct vitals vitals = {
        .service = s->topo->services[s->index].name,
        .cell = s->cell->name,
        .zone = s->cell->zones[s->zone],
        .pid = getpid(),
        .running = s->admission.running,
        .waiting = s->admission.waiting,
        .oldest_us = oldest_us < now_us ? now_us - oldest_us : 0,
        .requests = counts->requests,
        .finished = counts->finished,
        .failed = counts->unwell,
        .work_us = counts->work_us,
        .shed = counts->shed,
        .commits = (int64_t)stats.commits,
        .commit_us = (int64_t)stats.commit_us,
        .store_failures = counts->failed,
    };
    const char *text = json_encode(&vitals, vitals_fields, &r->arena);
    if (status != 0)
        request_store_failed(r, err);
    else if (text == NULL)
        request_refuse_later(r, "no memory left");
    else
        request_answer(r, 200, text);
}

void handle_health(struct request *r)
{
    ask_to_read(r, record_probe_work, probed);
}

/* ---- create ---- */

static const char *write_headers(struct request *r)
{
    const char *type = http_header_of(r->exchange, "Content-Type");
    const char *key = http_header_of(r->exchange, "Idempotency-Key");
    if (type != NULL && !target_is_json(type)) {
        request_refuse(r, 415, "the body must be application/json");
        return NULL;
    }
    if (key == NULL || !id_key_ok(key)) {
        request_refuse(r, 400, "a write wants an Idempotency-Key of 1 to %d visible characters",
                       ID_KEY_MAX);
        return NULL;
    }
    return key;
}

static void created(void *context, int status, const struct error *err)
{
    struct request *r = context;
    const struct record_create *c = &r->work.create;
    request_go_on(r);
    if (status != 0) {
        request_store_failed(r, err);
        return;
    }
    switch (c->outcome) {
    case RECORD_CREATED:
    case RECORD_REPEATED:
        request_answer_created(r, c->kind->plural, c->id, c->found);
        return;
    case RECORD_KEY_REUSED:
        request_refuse(r, 422, "this Idempotency-Key has been used with another body");
        return;
    case RECORD_TAKEN:
        request_refuse(r, 409, "code: %s %s is there already, and differs", c->kind->name, c->id);
        return;
    case RECORD_NONE:
        break;
    }
    request_store_failed(r, &(struct error){ERR_SYSTEM, "a write without an outcome"});
}

bool handle_make_create(struct request *r)
{
    struct error err;
    size_t len;
    const char *key = write_headers(r);
    if (key == NULL)
        return false;
    const char *body = http_body(r->exchange, &len);
    if (record_create_init(&r->work.create, r->service->kind, r->target.country, key,
                           clock_wall_ms(), body, len, &r->arena, &err) != 0) {
        request_refuse_body(r, &err);
        return false;
    }
    return true;
}

void handle_create(struct request *r)
{
    if (handle_make_create(r))
        ask_to_write(r, record_create_work, created);
}

/* ---- read and list ---- */

void reads_done(struct request *r, const struct error *err)
{
    if (err != NULL)
        request_store_failed(r, err);
    else if (r->work.read.found == NULL)
        request_refuse(r, 404, "there is no %s of this id", r->service->kind->name);
    else
        request_answer(r, 200, r->work.read.found);
}

void handle_read(struct request *r)
{
    struct error err;
    r->work.read = (struct record_read){.a = &r->arena, .id = r->target.id};
    if (trouble_store(r, &err))
        reads_add(&r->service->reads, r);
    else
        request_store_failed(r, &err);
}

static void listed(void *context, int status, const struct error *err)
{
    struct request *r = context;
    if (status != 0)
        request_store_failed(r, err);
    else
        request_answer(r, 200, r->work.list.page);
}

void handle_list(struct request *r)
{
    const struct target *t = &r->target;
    struct record_list *list = &r->work.list;
    int status;
    if (t->words[0] != '\0' && t->after[0] != '\0') {
        request_refuse(r, 400, "a search has one page: q and after do not go together");
        return;
    }
    if (t->words[0] != '\0')
        status = catalog_search_init(list, t->country, t->words, t->limit, &r->arena);
    else
        status = record_list_init(list, r->service->kind, t->country,
                                  t->customer[0] != '\0' ? t->customer : NULL, t->after, t->limit,
                                  &r->arena);
    if (status != 0)
        request_refuse_later(r, "no memory left");
    else
        ask_to_read(r, record_list_work, listed);
}

/* ---- reservations ---- */

static void reserved(void *context, int status, const struct error *err)
{
    struct request *r = context;
    const struct catalog_reserve *reserve = &r->work.reserve;
    const struct line *line = &reserve->wanted.lines[reserve->line];
    request_go_on(r);
    switch (reserve->outcome) {
    case RESERVE_LACKS: /* whether the store undid it, or failed at that, nothing was taken */
        request_refuse(r, 409, "%s: %lld are wanted and %lld are there", line->item,
                       (long long)line->quantity, (long long)reserve->left);
        return;
    case RESERVE_UNKNOWN:
        request_refuse(r, 422, "%s: there is no such item", line->item);
        return;
    case RESERVE_CHANGED:
        if (status == 0) {
            request_refuse(r, 422, "%s has a reservation with other lines", reserve->wanted.order);
            return;
        }
        break;
    case RESERVE_MADE:
    case RESERVE_REPEATED:
        if (status == 0) {
            request_answer(r, 201, reserve->text);
            return;
        }
        break;
    case RESERVE_NONE:
        break;
    }
    request_store_failed(r, err);
}

void handle_reserve(struct request *r)
{
    struct error err;
    size_t len;
    if (write_headers(r) == NULL)
        return;
    const char *body = http_body(r->exchange, &len);
    if (catalog_reserve_init(&r->work.reserve, r->target.country, body, len, &r->arena, &err) != 0)
        request_refuse_body(r, &err);
    else
        ask_to_write(r, catalog_reserve_work, reserved);
}
