#include "simulator/calls.h"

#include "base/topo.h"
#include "simulator/ask.h"
#include "simulator/serve.h"
#include "simulator/trace.h"

static const struct world_group *group_of(const struct world *w, uint32_t attempt)
{
    return &w->group[w->server[w->attempt[attempt].server].group];
}

static const struct topo_call *call_of(const struct world *w, uint32_t attempt)
{
    return &group_of(w, attempt)->service->calls[w->calls[attempt].step];
}

/* How many answers the step needs. */
static uint32_t needed(const struct topo_call *call)
{
    double exact = call->need * (double)call->count;
    uint32_t whole = (uint32_t)exact;
    return exact - (double)whole > 1e-9 * exact ? whole + 1 : whole;
}

static void send(struct world *w, uint32_t attempt)
{
    const struct world_group *group = group_of(w, attempt);
    uint32_t first = group->cell * (uint32_t)w->topo->service_count;
    ask_call(w, attempt, first + (uint32_t)call_of(w, attempt)->index);
}

static void step_begin(struct world *w, uint32_t attempt)
{
    struct world_calls *c = &w->calls[attempt];
    const struct topo_call *call = call_of(w, attempt);
    uint32_t now = call->parallel ? (uint32_t)call->count : 1;
    c->out = now;
    c->unsent = (uint32_t)call->count - now;
    c->answered = 0;
    if (call->deadline_us > 0)
        engine_after(&w->engine, call->deadline_us * 1000, WORLD_DEADLINE, attempt);
    uint32_t generation = w->attempt[attempt].generation;
    for (uint32_t i = 0; i < now && w->attempt[attempt].generation == generation; i++)
        send(w, attempt);
}

/* The step is over. `armed`: its deadline still waits. */
static void step_end(struct world *w, uint32_t attempt, bool armed)
{
    struct world_calls *c = &w->calls[attempt];
    const struct topo_call *call = call_of(w, attempt);
    if (armed && call->deadline_us > 0)
        engine_cancel(&w->engine, WORLD_DEADLINE, attempt);
    else
        w->attempt[attempt].generation++;
    if (c->answered < needed(call))
        serve_answer(w, attempt, WORLD_ERROR);
    else if (++c->step < group_of(w, attempt)->service->call_count)
        step_begin(w, attempt);
    else
        serve_answer(w, attempt, WORLD_OK);
}

void calls_begin(struct world *w, uint32_t attempt)
{
    trace_try(w, TRACE_CALLS, attempt, WORLD_OK);
    w->attempt[attempt].state = ATTEMPT_CALLS;
    w->calls[attempt].step = 0;
    step_begin(w, attempt);
}

void calls_ended(struct world *w, uint32_t attempt, uint32_t generation, enum world_answer answer)
{
    if (w->attempt[attempt].generation != generation)
        return;
    struct world_calls *c = &w->calls[attempt];
    c->out--;
    c->answered += answer == WORLD_OK;
    if (c->answered + c->out + c->unsent < needed(call_of(w, attempt))) {
        step_end(w, attempt, true);
    } else if (c->unsent > 0) {
        c->unsent--;
        c->out++;
        send(w, attempt);
    } else if (c->out == 0) {
        step_end(w, attempt, true);
    }
}

void calls_deadline(void *world, const struct event *event)
{
    step_end(world, event->who, false);
}
