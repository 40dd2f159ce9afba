/* Tests of simulator/ask.c, serve.c and faults.c: no request and no try is lost or doubled,
 * whatever breaks and however small the pools are; and what happens at the borders of time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/world.h"
#include "tests/trial.h"

/* ---- conservation ---- */

static uint32_t open_requests(const struct world *w)
{
    uint32_t open = w->request_used;
    for (uint32_t i = w->request_free; i != WORLD_NONE; i = w->request[i].next_free)
        open--;
    return open;
}

static uint32_t open_attempts(const struct world *w)
{
    uint32_t open = w->attempt_used;
    for (uint32_t i = w->attempt_free; i != WORLD_NONE; i = w->attempt[i].next_free) {
        assert_int_equal(w->attempt[i].state, ATTEMPT_FREE);
        open--;
    }
    return open;
}

static int64_t ended_requests(const struct world *w, const struct topo *topo)
{
    int64_t ended = 0;
    for (size_t i = 0; i < topo->country_count; i++) {
        const struct world_country_count *c = &w->count.country[i];
        assert_int_equal(c->requests, c->ok + c->shed + c->failed);
        assert_int_equal(c->ok, (int64_t)c->latency.count);
        const struct world_background_count *b = &c->background;
        assert_int_equal(b->requests, b->ok + b->shed + b->failed);
        assert_true(c->retries >= 0);
        ended += c->requests + b->requests;
    }
    return ended;
}

/* Every server's lines hold those that wait there, linked both ways. */
static void assert_server(const struct world *w, uint32_t index, uint32_t runs, uint32_t waits)
{
    const struct world_server *server = &w->server[index];
    assert_int_equal(server->admission.running, runs);
    assert_int_equal(server->admission.waiting, waits);
    assert_true(server->down == 0 || runs + waits == 0);
    assert_true(waits == 0 || runs == server->admission.rules->running_max);
    uint32_t waiting = 0;
    for (int line = 0; line < 2; line++) {
        const struct admission_link *end = &server->admission.line[line], *link = end->next;
        for (; link != end; link = link->next) {
            const struct world_attempt *attempt = (const struct world_attempt *)link;
            assert_int_equal(attempt->state, ATTEMPT_WAITS);
            assert_int_equal(attempt->server, index);
            assert_ptr_equal(link->previous->next, link);
            assert_true(++waiting <= waits);
        }
        assert_ptr_equal(end->previous->next, end);
    }
    assert_int_equal(waiting, waits);
    assert_null(server->admission.dropped);
}

static void assert_conserved(const struct trial *t)
{
    enum { SERVERS_MAX = 64 };
    const struct world *w = &t->world;
    uint32_t runs[SERVERS_MAX] = {0}, waits[SERVERS_MAX] = {0}, awaited[SERVERS_MAX] = {0};
    uint32_t used = 0, awaited_in_all = 0;
    assert_true(w->server_count <= SERVERS_MAX);
    for (uint32_t i = 0; i < w->attempt_used; i++) {
        const struct world_attempt *attempt = &w->attempt[i];
        if (attempt->state == ATTEMPT_FREE)
            continue;
        used++;
        runs[attempt->server] += attempt->state == ATTEMPT_RUNS;
        waits[attempt->server] += attempt->state == ATTEMPT_WAITS;
        if (attempt->request == WORLD_NONE)
            continue;
        assert_int_equal(w->request[attempt->request].attempt, i);
        awaited[attempt->server]++;
        awaited_in_all++;
    }
    assert_int_equal(used, open_attempts(w));
    assert_true(awaited_in_all <= open_requests(w)); /* the others wait for their next try */
    if (w->warmup_ns == 0)
        assert_int_equal(t->begun, ended_requests(w, w->topo) + open_requests(w));
    int64_t waiting[SERVERS_MAX] = {0};
    for (uint32_t i = 0; i < w->server_count; i++) {
        const struct world_group *group = &w->group[w->server[i].group];
        waiting[w->server[i].group] += waits[i];
        assert_server(w, i, runs[i], waits[i]);
        assert_int_equal(group->route.balance.replica[i - group->server_first].outstanding,
                         awaited[i]);
    }
    for (uint32_t i = 0; i < w->group_count; i++) {
        assert_int_equal(w->count.group[i].waiting, waiting[i]);
        assert_true(w->warmup_ns > 0 || w->count.group[i].waiting_max >= waiting[i]);
    }
}

static void assert_drained(struct trial *t)
{
    struct world *w = &t->world;
    trial_run(t, INT64_MAX - 1);
    assert_conserved(t);
    assert_int_equal(open_requests(w), 0);
    assert_int_equal(open_attempts(w), 0);
    assert_int_equal(engine_pending(&w->engine), 0);
    assert_int_equal(ended_requests(w, w->topo), t->begun_measured);
}

/* ---- storms ---- */

static uint32_t between(struct rng *rng, uint32_t low, uint32_t high)
{
    return low + rng_below(rng, high - low + 1);
}

enum { STORM_MS = 600, FAULTS_MAX = 10 };

/* A topology and a scenario by chance: overload, tries of a hundredth of a round trip, faults that
 * overlap, begin at once and outlast the run. The service y waits in every order and has background
 * work. */
static void make_storm(struct made *made, struct rng *rng)
{
    static const char *const disciplines[] = {"fifo", "lifo", "codel", "priority"};
    char topology[1024], scenario[2048], zones[32] = "\"a\"";
    uint32_t zone_count = between(rng, 1, 3);
    for (uint32_t z = 1; z < zone_count; z++)
        snprintf(zones + 4 * z - 1, 8, ",\"%c\"", 'a' + (int)z);
    uint32_t per_zone = between(rng, 1, 4);
    uint32_t rps = between(rng, 10, 3000);
    uint32_t rtt_us = between(rng, 1, 3) == 1 ? between(rng, 1, 200000) : 1000;
    uint32_t number[8];
    static const uint32_t highest[] = {20, 3, 4, 60, 4, 20, 3, 200};
    for (int i = 0; i < 8; i++)
        number[i] = between(rng, 0, highest[i]);
    const char *discipline = disciplines[rng_below(rng, 4)];
    bool late = rng_below(rng, 2);
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"DE\": {\"peak_rps\": %u, \"curve\": \"flat\"}},"
             "\"cells\": {\"de\": {\"region\": \"aws/eu-central-1\", \"zones\": [%s],"
             "\"servers_per_zone\": %u, \"zone_rtt\": \"%uus\"}},"
             "\"services\": {\"x\": {\"time\": \"%ums\", \"concurrency\": %u, \"queue\": %u},"
             "\"y\": {\"time\": \"5ms\", \"spread\": \"fixed\", \"concurrency\": 1,"
             "\"discipline\": \"%s\", \"drop_late\": %s, \"background\": 0.3,"
             "\"codel_target\": \"5ms\", \"codel_interval\": \"20ms\"}},"
             "\"tolerance\": {\"zones\": 0, \"servers\": 0},"
             "\"policy\": {\"timeout\": \"%ums\", \"tries\": %u, \"retry_budget\": %.1f,"
             "\"backoff\": \"%ums\", \"eject_failures\": %u, \"eject_for\": \"%ums\"}}",
             rps, zones, per_zone, rtt_us, 1 + number[0], 1 + number[1], number[2], discipline,
             late ? "true" : "false", 1 + number[3], 1 + number[4], number[4] / 2.0, number[5],
             1 + number[6], 1 + number[7]);
    int used = snprintf(scenario, sizeof scenario,
                        "{\"topology\": \"-\", \"duration\": \"%dms\", \"warmup\": \"%dms\","
                        "\"faults\": [",
                        STORM_MS, between(rng, 0, 2) == 0 ? STORM_MS / 3 : 0);
    uint32_t faults = between(rng, 0, FAULTS_MAX);
    for (uint32_t i = 0; i < faults; i++) {
        bool zone = rng_below(rng, 2);
        int where = 'a' + (int)rng_below(rng, zone_count);
        char server[16] = "";
        if (!zone)
            snprintf(server, sizeof server, "/x-%u", between(rng, 1, per_zone));
        uint32_t at_ms = between(rng, 0, 3) == 0 ? 0 : 50 * rng_below(rng, STORM_MS / 50);
        used += snprintf(scenario + used, sizeof scenario - (size_t)used,
                         "%s{\"kind\": \"%s\", \"scope\": \"de/%c%s\", \"at\": \"%ums\","
                         "\"for\": \"%ums\"}",
                         i == 0 ? "" : ",", zone ? "zone-down" : "server-down", where, server,
                         at_ms, 50 * rng_below(rng, 10));
    }
    snprintf(scenario + used, sizeof scenario - (size_t)used, "]}");
    make_world(made, topology, scenario);
}

/* Counts in `*filled` the pools that had no room; the run ends then, and nothing is lost. */
static uint64_t weather(uint64_t seed, int *filled)
{
    struct trial t = {0};
    struct rng rng;
    rng_init(&rng, seed);
    make_storm(&t.made, &rng);
    uint32_t pool = rng_below(&rng, 4) == 0 ? between(&rng, 1, 12) : 600;
    trial_begin(&t, seed, pool);
    bool runs = true;
    for (int64_t at_ns = 0; at_ns <= STORM_MS * MS && runs; at_ns += 3 * MS) {
        runs = trial_runs(&t, at_ns);
        assert_conserved(&t);
    }
    if (runs && trial_runs(&t, INT64_MAX - 1))
        assert_drained(&t);
    *filled += t.world.full != NULL;
    uint64_t digest = t.world.count.digest;
    trial_end(&t);
    return digest;
}

static void test_flow_loses_no_request_and_no_try_in_any_storm(void **state)
{
    (void)state;
    int filled = 0;
    for (uint64_t seed = 1; seed <= 300; seed++)
        weather(seed, &filled);
    print_message("%d of 300 storms filled the pools\n", filled);
    assert_true(filled > 20 && filled < 200);
}

static void test_flow_of_the_same_seed_is_the_same_storm(void **state)
{
    (void)state;
    int filled = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t digest = weather(seed, &filled);
        assert_true(weather(seed, &filled) == digest);
    }
}

/* ---- borders of time ---- */

static void test_flow_timeout_wins_over_a_reply_of_the_same_tick(void **state)
{
    (void)state;
    struct trial t;
    const char *service = "\"time\": \"8ms\", \"concurrency\": 1000";
    trial_single(&t, service, "\"timeout\": \"10ms\", \"tries\": 1", "\"duration\": \"5s\"");
    assert_drained(&t);
    assert_true(t.begun > 100);
    assert_int_equal(t.world.count.country[0].failed, t.begun);
    trial_end(&t);
    trial_single(&t, service, "\"timeout\": \"10001us\", \"tries\": 1", "\"duration\": \"5s\"");
    assert_drained(&t);
    assert_int_equal(t.world.count.country[0].ok, t.begun);
    trial_end(&t);
}

static void test_flow_with_a_timeout_below_the_round_trip_answers_nobody(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"1us\"",
                 "\"timeout\": \"1ms\", \"tries\": 3, \"retry_budget\": 10,"
                 " \"eject_failures\": 1000000", /* a trial would be one try more */
                 "\"duration\": \"5s\"");
    assert_drained(&t);
    const struct world_country_count *count = &t.world.count.country[0];
    assert_int_equal(count->failed, t.begun);
    assert_int_equal(count->retries, 2 * t.begun);
    trial_end(&t);
}

static void test_flow_without_servers_sheds_all_and_retries_nothing(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"1ms\"", "\"tries\": 3", "\"duration\": \"5s\"");
    arena_release(&t.arena);
    t.made.plan.cells[0].services[0].per_zone = t.made.plan.cells[0].services[0].servers = 0;
    t.begun = t.begun_measured = 0;
    trial_begin(&t, 1, 0);
    assert_drained(&t);
    assert_true(t.begun > 100);
    assert_int_equal(t.world.count.country[0].shed, t.begun);
    assert_int_equal(t.world.count.country[0].retries, 0);
    trial_end(&t);
}

static void test_flow_with_all_zones_dead_fails_everything_until_they_heal(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"1ms\", \"concurrency\": 1000",
                 "\"tries\": 2, \"retry_budget\": 10, \"backoff\": \"0\", \"eject_for\": \"100ms\"",
                 "\"duration\": \"10s\","
                 "\"faults\": [{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"for\": \"5s\"}]");
    trial_run(&t, 5000 * MS - 1);
    assert_int_equal(t.world.count.country[0].ok, 0);
    assert_true(t.world.count.country[0].failed > 500);
    trial_run(&t, 5010 * MS);
    int64_t failed = t.world.count.country[0].failed;
    assert_drained(&t);
    assert_int_equal(t.world.count.country[0].failed, failed);
    assert_true(t.world.count.country[0].ok > 500);
    trial_end(&t);
}

static void test_flow_server_held_down_twice_needs_both_to_heal(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"1ms\"", "\"tries\": 1",
                 "\"duration\": \"10s\", \"faults\": ["
                 "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"1s\", \"for\": \"4s\"},"
                 "{\"kind\": \"server-down\", \"scope\": \"de/a/x-1\", \"at\": \"2s\","
                 "\"for\": \"1s\"},"
                 "{\"kind\": \"server-down\", \"scope\": \"de/a/x-1\", \"at\": \"2s\","
                 "\"for\": \"5s\"}]");
    static const struct {
        int64_t at_ms;
        uint32_t down;
    } holds[] = {{999, 0}, {1000, 1}, {2000, 3}, {3000, 2}, {4999, 2}, {5000, 1}, {7000, 0}};
    for (size_t i = 0; i < sizeof holds / sizeof holds[0]; i++) {
        trial_run(&t, holds[i].at_ms * MS);
        assert_int_equal(t.world.server[0].down, holds[i].down);
    }
    assert_drained(&t);
    trial_end(&t);
}

static void assert_full(struct trial *t, uint32_t pool, const char *text)
{
    struct error err;
    arena_release(&t->arena);
    t->begun = t->begun_measured = 0;
    trial_begin(t, 1, pool);
    assert_int_equal(world_run(&t->world, t->world.end_ns, &err), -1);
    assert_string_equal(err.text, text);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_true(engine_now(&t->world.engine) < t->world.end_ns);
    assert_conserved(t);
    trial_end(t);
}

/* 200 requests/s for a server that does 20: the queue takes 9 of 10, and has no end to speak of. */
static void test_flow_stops_and_says_so_when_a_queue_grows_beyond_the_pools(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"50ms\", \"concurrency\": 1, \"queue\": 1000000",
                 "\"timeout\": \"1h\", \"tries\": 1", "\"duration\": \"10m\"");
    assert_full(&t, 5000,
                "cells.de: at 27770ms there are 5000 requests under way, all that a simulation "
                "holds; 4999 wait at the servers of x, so a shorter services.x.queue, more servers "
                "or less load would help");
}

/* A customer who waits for an hour between two tries waits at no server. */
static void test_flow_stops_and_says_so_when_all_wait_for_their_next_try(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"1ms\"", "\"tries\": 2, \"retry_budget\": 10, \"backoff\": \"1h\"",
                 "\"duration\": \"10m\", \"faults\": [{\"kind\": \"zone-down\","
                 "\"scope\": \"de/a\"}]");
    assert_full(&t, 2000,
                "policy: at 9792ms there are 2000 requests under way, all that a simulation holds; "
                "none waits at a server, so less load or a shorter timeout and backoff would "
                "help");
}

/* The pools are as large as what servers and links can hold, so it is the servers who shed. */
static void test_flow_leaves_the_shedding_to_the_servers_in_any_overload(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"1s\", \"concurrency\": 1, \"queue\": 5000",
                 "\"timeout\": \"1h\", \"tries\": 3, \"retry_budget\": 10",
                 "\"duration\": \"1m\", \"load\": 10");
    assert_drained(&t);
    assert_true(t.world.count.country[0].shed > 50000);
    /* Who was shed was refused by a server three times. */
    assert_true(t.world.count.group[0].tries_shed >= 3 * t.world.count.country[0].shed);
    trial_end(&t);
}

/* Three zones of two servers each for two services. */
static void make_zones(struct trial *t, const char *scenario)
{
    *t = (struct trial){0};
    make_world(&t->made,
               "{\"countries\": {\"DE\": {\"peak_rps\": 300, \"curve\": \"flat\"}},"
               "\"cells\": {\"de\": {\"region\": \"aws/eu-central-1\", \"servers_per_zone\": 2}},"
               "\"services\": {\"x\": {\"time\": \"1ms\"}, \"y\": {\"time\": \"1ms\"}},"
               "\"policy\": {\"eject_failures\": 3, \"eject_for\": \"10s\"}}",
               scenario);
    trial_begin(t, 1, 0);
}

static void test_flow_fault_holds_down_what_it_names_and_nothing_else(void **state)
{
    (void)state;
    struct trial t;
    make_zones(&t, "{\"topology\": \"-\", \"faults\": ["
                   "{\"kind\": \"zone-down\", \"scope\": \"de/b\", \"for\": \"1s\"},"
                   "{\"kind\": \"server-down\", \"scope\": \"de/c/y-2\", \"at\": \"2s\"}]}");
    trial_run(&t, 500 * MS);
    assert_int_equal(t.world.server_count, 12); /* service by service, zone by zone */
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(t.world.server[i].down, i % 6 / 2 == 1);
    trial_run(&t, 1500 * MS);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(t.world.server[i].down, 0);
    trial_run(&t, 2500 * MS);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(t.world.server[i].down, i == 11);
    trial_end(&t);
}

/* Four dead servers cost three tries each, some that were on their way, and one trial in 10 s. */
static void test_flow_door_leaves_a_dead_zone_out(void **state)
{
    (void)state;
    struct trial t;
    make_zones(&t, "{\"topology\": \"-\", \"duration\": \"105s\", \"faults\": ["
                   "{\"kind\": \"zone-down\", \"scope\": \"de/b\", \"at\": \"5s\"}]}");
    assert_drained(&t);
    const struct world_country_count *count = &t.world.count.country[0];
    assert_true(count->requests > 30000);
    assert_int_equal(count->ok, count->requests);
    assert_true(count->retries >= 4 * 3 + 4 * 9);
    assert_true(count->retries <= 4 * 3 + 4 * 10 + 10);
    trial_end(&t);
}

/* Little's law without an average: when nobody is left, the areas under the numbers that waited and
 * were worked on are the times of all tries at the servers. What a request took more is its ways:
 * 2 ms to the server and back, and that to the customer. Latencies are cut to whole microseconds.
 */
static void test_flow_areas_are_the_sum_of_the_times_at_the_server(void **state)
{
    static const char *const services[] = {"\"time\": \"4ms\", \"concurrency\": 1",
                                           "\"time\": \"19ms\", \"concurrency\": 4"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct trial t;
        char service[128];
        snprintf(service, sizeof service, "%s, \"queue\": 4000", services[i]);
        trial_single(&t, service, "\"timeout\": \"1h\", \"tries\": 1", "\"duration\": \"60s\"");
        assert_drained(&t);
        const struct world_country_count *c = &t.world.count.country[0];
        const struct world_group_count *g = &t.world.count.group[0];
        int64_t ways_us = 2000 + t.made.topo.cells[0].client_rtt_us[0];
        int64_t areas_ns = g->wait_ns + g->busy_ns;
        int64_t times_ns = (c->latency.sum_us - c->ok * ways_us) * 1000;
        assert_true(t.begun > 10000);
        assert_int_equal(c->ok, t.begun);
        assert_true(g->wait_ns > g->busy_ns / 10); /* it was not all work */
        assert_true(areas_ns >= times_ns && areas_ns < times_ns + c->ok * 1000);
        assert_int_equal(c->series.count, (size_t)(c->ok / c->series.width));
        trial_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow_loses_no_request_and_no_try_in_any_storm),
        cmocka_unit_test(test_flow_of_the_same_seed_is_the_same_storm),
        cmocka_unit_test(test_flow_timeout_wins_over_a_reply_of_the_same_tick),
        cmocka_unit_test(test_flow_with_a_timeout_below_the_round_trip_answers_nobody),
        cmocka_unit_test(test_flow_without_servers_sheds_all_and_retries_nothing),
        cmocka_unit_test(test_flow_with_all_zones_dead_fails_everything_until_they_heal),
        cmocka_unit_test(test_flow_server_held_down_twice_needs_both_to_heal),
        cmocka_unit_test(test_flow_stops_and_says_so_when_a_queue_grows_beyond_the_pools),
        cmocka_unit_test(test_flow_stops_and_says_so_when_all_wait_for_their_next_try),
        cmocka_unit_test(test_flow_leaves_the_shedding_to_the_servers_in_any_overload),
        cmocka_unit_test(test_flow_fault_holds_down_what_it_names_and_nothing_else),
        cmocka_unit_test(test_flow_door_leaves_a_dead_zone_out),
        cmocka_unit_test(test_flow_areas_are_the_sum_of_the_times_at_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
