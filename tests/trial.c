#include "tests/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"

static struct trial *current;

/* Stands before the world's own handler. */
static void count_arrival(void *world, const struct event *event)
{
    if (event->at > current->demand_end_ns)
        return;
    current->begun++;
    current->begun_measured += event->at >= current->world.warmup_ns;
    current->arrive(world, event);
}

void trial_begin(struct trial *t, uint64_t seed, uint32_t pool)
{
    struct error err;
    struct world *w = &t->world;
    if (world_init(w, &t->made.topo, &t->made.plan, &t->made.scenario, seed, 0, &t->arena, &err) !=
        0)
        fail_msg("%s", err.text);
    if (pool > 0)
        w->pool_count = pool;
    t->arrive = w->engine.kind[WORLD_ARRIVE].handler;
    engine_kind(&w->engine, WORLD_ARRIVE, "arrive", count_arrival, NULL, 0);
    t->demand_end_ns = w->end_ns;
    current = t;
}

bool trial_runs(struct trial *t, int64_t until_ns)
{
    struct error err;
    int status = world_run(&t->world, until_ns, &err);
    assert_int_equal(status, t->world.full == NULL ? 0 : -1);
    return status == 0;
}

void trial_run(struct trial *t, int64_t until_ns)
{
    struct error err;
    if (world_run(&t->world, until_ns, &err) != 0)
        fail_msg("%s", err.text);
}

void trial_end(struct trial *t)
{
    arena_release(&t->arena);
    arena_release(&t->made.arena);
}

void trial_single(struct trial *t, const char *service, const char *policy, const char *scenario)
{
    char topology[1024], text[512];
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"DE\": {\"peak_rps\": 200, \"curve\": \"flat\"}},"
             "\"cells\": {\"de\": {\"region\": \"aws/eu-central-1\", \"zones\": [\"a\"],"
             "\"servers_per_zone\": 1, \"zone_rtt\": \"2ms\"}},"
             "\"services\": {\"x\": {\"spread\": \"fixed\", %s}},"
             "\"tolerance\": {\"zones\": 0, \"servers\": 0}, \"policy\": {%s}}",
             service, policy);
    snprintf(text, sizeof text, "{\"topology\": \"-\", %s}", scenario);
    *t = (struct trial){0};
    make_world(&t->made, topology, text);
    trial_begin(t, 1, 0);
}
