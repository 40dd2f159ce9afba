#include "simulator/serve.h"

#include "base/topo.h"
#include "simulator/calls.h"
#include "simulator/faults.h"
#include "simulator/functions.h"
#include "simulator/orders.h"
#include "simulator/plane.h"
#include "simulator/trace.h"

void serve_answer(struct world *w, uint32_t index, enum world_answer answer)
{
    struct world_attempt *attempt = &w->attempt[index];
    const struct world_server *server = &w->server[attempt->server];
    const struct world_cell *cell = &w->cell[w->group[server->group].cell];
    if (attempt->place == WORLD_PIECE) {
        orders_ended(w, index, answer);
        return;
    }
    trace_try(w, TRACE_LEAVE, index, answer);
    attempt->state = ATTEMPT_BACK;
    attempt->answer = (uint8_t)answer;
    int64_t way_ns = world_path_ns(cell, server->place, attempt->place);
    engine_after(&w->engine, way_ns, WORLD_REPLY, index);
    if (way_ns != WORLD_CUT)
        return;
    attempt->state = ATTEMPT_LOST;
    if (attempt->request == WORLD_NONE)
        world_release(w, index);
}

/* Count what was worked on since it began, or was counted last. */
static void work_count(struct world *w, struct world_attempt *attempt)
{
    int64_t now_ns = engine_now(&w->engine);
    int64_t from_ns = attempt->begin_ns > w->warmup_ns ? attempt->begin_ns : w->warmup_ns;
    if (now_ns > from_ns)
        w->count.group[w->server[attempt->server].group].busy_ns += now_ns - from_ns;
    attempt->begin_ns = now_ns;
}

static void waiting_seen(const struct world *w, struct world_group_count *count)
{
    if (count->waiting > count->waiting_max && engine_now(&w->engine) >= w->warmup_ns)
        count->waiting_max = count->waiting;
}

static void wait_begin(struct world *w, struct world_attempt *attempt)
{
    struct world_group_count *count = &w->count.group[w->server[attempt->server].group];
    attempt->begin_ns = engine_now(&w->engine);
    count->waiting++;
    waiting_seen(w, count);
}

/* Count how long it has waited, as above. The number is greatest after one has come; only that from
 * before the warm-up's end is first seen when one of those goes. */
static void wait_count(struct world *w, struct world_attempt *attempt)
{
    struct world_group_count *count = &w->count.group[w->server[attempt->server].group];
    int64_t now_ns = engine_now(&w->engine);
    int64_t from_ns = attempt->begin_ns;
    if (from_ns < w->warmup_ns) {
        waiting_seen(w, count);
        from_ns = now_ns < w->warmup_ns ? now_ns : w->warmup_ns;
    }
    count->wait_ns += now_ns - from_ns;
    attempt->begin_ns = now_ns;
}

static void wait_end(struct world *w, struct world_attempt *attempt)
{
    wait_count(w, attempt);
    w->count.group[w->server[attempt->server].group].waiting--;
}

static void work_begin(struct world *w, uint32_t index)
{
    struct world_attempt *attempt = &w->attempt[index];
    struct world_server *server = &w->server[attempt->server];
    const struct world_group *group = &w->group[server->group];
    double time_ns = attempt->place == WORLD_PIECE ? orders_time_ns(w->orders, index)
                                                   : dist_draw(&group->dist, &server->rng);
    time_ns *= server->slow;
    trace_try(w, TRACE_WORK, index, WORLD_OK);
    attempt->state = ATTEMPT_RUNS;
    attempt->begin_ns = engine_now(&w->engine);
    engine_after(&w->engine, (int64_t)(time_ns + 0.5), WORLD_DONE, index);
}

void serve_wait(struct world *w, uint32_t index)
{
    trace_try(w, TRACE_WAIT, index, WORLD_OK);
    w->attempt[index].state = ATTEMPT_WAITS;
    wait_begin(w, &w->attempt[index]);
}

void serve_begin(struct world *w, uint32_t index)
{
    wait_end(w, &w->attempt[index]);
    work_begin(w, index);
}

static uint32_t attempt_of(const struct world *w, const struct admission_item *item)
{
    return (uint32_t)((const struct world_attempt *)item - w->attempt);
}

static void refuse(struct world *w, uint32_t index)
{
    if (engine_now(&w->engine) >= w->warmup_ns)
        w->count.group[w->server[w->attempt[index].server].group].tries_shed++;
    serve_answer(w, index, WORLD_SHED);
}

static void refuse_dropped(struct world *w, struct world_server *server)
{
    struct admission_item *item;
    while ((item = admission_drop(&server->admission)) != NULL) {
        uint32_t dropped = attempt_of(w, item);
        wait_end(w, &w->attempt[dropped]);
        refuse(w, dropped);
    }
}

void serve_reach(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_attempt *attempt = &w->attempt[event->who];
    struct world_server *server = &w->server[attempt->server];
    if (server->down > 0 || server->crashed) {
        serve_answer(w, event->who, WORLD_RESET);
        return;
    }
    if (functions_has(w, server->group)) {
        if (!functions_reach(w, server->group, event->who))
            refuse(w, event->who);
        return;
    }
    switch (admission_arrive(&server->admission, &attempt->item, engine_now(&w->engine))) {
    case ADMISSION_RUN:
        work_begin(w, event->who);
        break;
    case ADMISSION_WAIT:
        serve_wait(w, event->who);
        refuse_dropped(w, server);
        break;
    case ADMISSION_SHED:
        refuse(w, event->who);
        break;
    }
}

void serve_done(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_attempt *attempt = &w->attempt[event->who];
    struct world_server *server = &w->server[attempt->server];
    int64_t work_ns = engine_now(&w->engine) - attempt->begin_ns;
    work_count(w, attempt);
    if (w->customers && attempt->request != WORLD_NONE && w->request[attempt->request].poison > 0) {
        faults_crash(w, attempt->server, w->request[attempt->request].poison - 1);
        return;
    }
    bool fails = server->errors > 0 && rng_f64(&server->rng) < server->errors;
    bool piece = attempt->place == WORLD_PIECE;
    if (w->plane != NULL && !piece)
        plane_served(w, attempt->server, fails, work_ns);
    if (fails)
        serve_answer(w, event->who, WORLD_ERROR);
    else if (w->calls != NULL && !piece && w->group[server->group].service->call_count > 0)
        calls_begin(w, event->who);
    else
        serve_answer(w, event->who, WORLD_OK);
    if (functions_has(w, server->group)) {
        functions_ended(w, server->group, event->who);
        return;
    }
    struct admission_item *next = admission_finish(&server->admission, engine_now(&w->engine));
    if (next != NULL)
        serve_begin(w, attempt_of(w, next));
    refuse_dropped(w, server);
}

void serve_reset_dead(struct world *w)
{
    for (uint32_t i = 0; i < w->attempt_used; i++) {
        struct world_attempt *attempt = &w->attempt[i];
        if (attempt->state != ATTEMPT_RUNS && attempt->state != ATTEMPT_WAITS &&
            attempt->state != ATTEMPT_CALLS)
            continue;
        struct world_server *server = &w->server[attempt->server];
        if (server->down == 0 && !server->crashed)
            continue;
        if (attempt->state == ATTEMPT_RUNS) {
            work_count(w, attempt);
            engine_cancel(&w->engine, WORLD_DONE, i);
        } else if (attempt->state == ATTEMPT_CALLS) {
            attempt->generation++; /* its calls go on, for nobody */
        } else {
            wait_end(w, attempt);
        }
        admission_clear(&server->admission);
        serve_answer(w, i, WORLD_RESET);
    }
}

void serve_count_open(struct world *w)
{
    for (uint32_t i = 0; i < w->attempt_used; i++) {
        if (w->attempt[i].state == ATTEMPT_RUNS)
            work_count(w, &w->attempt[i]);
        else if (w->attempt[i].state == ATTEMPT_WAITS)
            wait_count(w, &w->attempt[i]);
    }
    for (uint32_t i = 0; i < w->group_count; i++)
        world_present_count(w, i);
}
