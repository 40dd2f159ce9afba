/* Tests of control/blast.c: how far faults reach, against numbers worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/blast.h"
#include "tests/world.h"

/* Two cells of one country each, DE with three times as many customers and requests. A server does
 * 40 a second; GB has 100 and 3 zones of `per_zone`. */
static struct blast count(const char *per_zone, const char *policy, const char *faults)
{
    struct made made;
    struct blast blast;
    char topology[2048], scenario[1024];
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": 100, \"curve\": \"flat\", \"customers\": "
             "1000}, \"DE\": {\"peak_rps\": 300, \"curve\": \"flat\", \"customers\": 3000}},"
             "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\", \"countries\": [\"GB\"], "
             "\"servers_per_zone\": %s}, \"de\": {\"region\": \"aws/eu-central-1\", "
             "\"countries\": [\"DE\"], \"servers_per_zone\": 10}},"
             "\"services\": {\"page\": {\"share\": 3, \"time\": \"100ms\", \"concurrency\": 4},"
             "\"part\": {\"share\": 1, \"time\": \"1ms\", \"concurrency\": 4, \"calls\": "
             "[{\"service\": \"rows\"}]},"
             "\"rows\": {\"share\": 0, \"store\": true, \"time\": \"1ms\"}}, \"policy\": {%s}}",
             per_zone, policy);
    snprintf(scenario, sizeof scenario,
             "{\"topology\": \"-\", \"duration\": \"10m\", \"warmup\": \"2m\", \"faults\": [%s]}",
             faults);
    make_world(&made, topology, scenario);
    blast_count(&blast, &made.topo, &made.plan, &made.scenario);
    arena_release(&made.arena);
    return blast;
}

#define FAULT(kind, scope, more) \
    "{\"kind\": \"" kind "\", \"scope\": \"" scope "\", \"at\": \"4m\"" more "}"
#define A_MINUTE ", \"for\": \"1m\""

static void test_blast_reaches_as_far_as_it_must(void **state)
{
    static const struct row {
        const char *name, *per_zone, *policy, *faults;
        int64_t countries;
        double customers, requests; /* NaN: not known */
        const char *words;
    } rows[] = {
        {"no fault", "2", "", "", 0, 0, 0, ""},
        {"control is not missed", "2", "", FAULT("control-down", "gb", ""), 0, 0, 0, ""},
        /* 75 of 100 a second are pages: work for two servers. */
        {"a zone that is spare", "1", "", FAULT("zone-down", "gb/a", ""), 0, 0, 0, ""},
        {"two of them", "1", "",
         FAULT("zone-down", "gb/a", A_MINUTE) "," FAULT("zone-down", "gb/b", A_MINUTE), 1, 0.25,
         (1 - 40.0 / 75) * 0.75 * 100 / 400 / 8, ""},
        {"two, one after the other", "1", "",
         FAULT("zone-down", "gb/a", A_MINUTE) ",{\"kind\": \"zone-down\", \"scope\": \"gb/b\", "
                                              "\"at\": \"5m\", \"for\": \"1m\"}",
         0, 0, 0, ""},
        {"two servers", "1", "",
         FAULT("server-down", "gb/a/page-1", A_MINUTE) "," FAULT("server-down", "gb/b/page-1",
                                                                 A_MINUTE),
         1, 0.25, (1 - 40.0 / 75) * 0.75 * 100 / 400 / 8, ""},
        {"a cell", "2", "", FAULT("cell-down", "de", A_MINUTE), 1, 0.75, 0.75 / 8, ""},
        {"a region", "2", "", FAULT("region-down", "aws/eu-central-1", A_MINUTE), 1, 0.75, 0.75 / 8,
         ""},
        {"both", "2", "", FAULT("cell-down", "de", "") "," FAULT("cell-down", "gb", ""), 2, 1, 0.75,
         ""},
        {"in the warm-up", "2", "",
         "{\"kind\": \"cell-down\", \"scope\": \"de\", \"at\": \"0s\", \"for\": \"1m\"}", 0, 0, 0,
         ""},
        {"a service", "2", "", FAULT("service-down", "gb/page", A_MINUTE), 1, 0.25, 0.75 * 0.25 / 8,
         ""},
        {"the store of another", "2", "", FAULT("store-down", "gb/rows", A_MINUTE), 1, 0.25,
         0.25 * 0.25 / 8, ""},
        {"a surge that fits", "2", "", FAULT("surge", "GB", ", \"factor\": 3" A_MINUTE), 0, 0, 0,
         ""},
        {"one that does not", "2", "", FAULT("surge", "GB", ", \"factor\": 4" A_MINUTE), 1, 0.25,
         (1 - 240.0 / 300) * 0.75 * 400 / (8 * 400 + 300), ""},
        {"errors", "2", "", FAULT("errors", "gb/a", ""), 1, 0.25, NAN, ""},
        {"at random", "2", "", FAULT("cell-down", "gb", ", \"every\": \"1h\"" A_MINUTE), 1, 0.25,
         NAN, ""},
        {"poison", "2", "", FAULT("poison", "GB", ""), 1, 0.25, NAN, ""},
        {"poison, fixed shards", "4", "\"balance\": \"fixed-shards\"", FAULT("poison", "GB", ""), 1,
         0.25 / 6, NAN, "fixed shards of 2 of 12 servers: 1 in 6"},
        {"poison, shuffled shards", "4", "\"balance\": \"shuffle-shards\"",
         FAULT("poison", "GB", ""), 1, 0.25 / 66, NAN,
         "shuffled shards of 2 of 12 servers: 1 in 66"},
        {"poison, fewer servers than a shard", "1", "\"balance\": \"shuffle-shards\", \"shard\": 5",
         FAULT("poison", "GB", ""), 1, 0.25, NAN, "shuffled shards of 3 of 3 servers: 1 in 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct blast b = count(r->per_zone, r->policy, r->faults);
        bool as_many =
            isnan(r->requests) ? isnan(b.requests) : fabs(b.requests - r->requests) < 1e-12;
        if (b.countries != r->countries || !(fabs(b.customers - r->customers) < 1e-12) ||
            !as_many || strcmp(b.words, r->words) != 0)
            fail_msg("%s: %lld countries, customers %.9f, requests %.9f, \"%s\"; wanted %.9f, %.9f",
                     r->name, (long long)b.countries, b.customers, b.requests, b.words,
                     r->customers, r->requests);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blast_reaches_as_far_as_it_must),
    };
    return cmocka_run_group_tests_name("blast_count", tests, NULL, NULL);
}
