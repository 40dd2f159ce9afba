/* The tables of a topology's file. */
#include <stddef.h>

#include "base/data.h"
#include "base/dist.h"
#include "base/pipeline_def.h"
#include "base/topo.h"
#include "base/topo_calls.h"

static const char *const discipline_words[] = {"fifo", "lifo", "codel", "priority", NULL};
static const char *const balance_words[] = {
    [TOPO_BALANCE_CHOICES] = "choices",
    [TOPO_BALANCE_REPEATED] = "repeated-choices",
    [TOPO_BALANCE_RANDOM] = "random",
    [TOPO_BALANCE_ROUND_ROBIN] = "round-robin",
    [TOPO_BALANCE_LEAST_LOADED] = "least-loaded",
    [TOPO_BALANCE_NEAR] = "near",
    [TOPO_BALANCE_HASH] = "hash",
    [TOPO_BALANCE_FIXED] = "fixed-shards",
    [TOPO_BALANCE_SHUFFLE] = "shuffle-shards",
    NULL,
};

static const char *const queue_words[] = {
    [TOPO_QUEUE_OWN] = "own", [TOPO_QUEUE_SHARED] = "shared", NULL};

static const struct json_field residency_fields[] = {
    JSON_BOOL(struct topo_residency, alone, "alone", .preset = "false",
              .doc = "It shares its cell with no other country"),
    JSON_STRS(struct topo_residency, only_with, only_with_count, "only_with", .count_min = 1,
              .doc = "It may share a cell with these countries and no others"),
    JSON_STRS(struct topo_residency, not_with, not_with_count, "not_with", .count_min = 1,
              .doc = "It shares no cell with these"),
    JSON_STRS(struct topo_residency, regions, region_count, "regions", .count_min = 1,
              .doc = "Its cell is in one of these regions"),
    JSON_END,
};

static const struct json_field country_fields[] = {
    JSON_STR(struct topo_country, of, "of", .nullable = true,
             .doc = "It is a part of this country under a code that ISO 3166 leaves to users: AA, "
                    "QM to QZ, XA to XZ, ZZ"),
    JSON_I64(struct topo_country, customers, "customers", 1, 1e12,
             .doc = "Customers; left out, 1 % of the country's internet users"),
    JSON_F64(struct topo_country, requests_per_customer_day, "requests_per_customer_day", 0.001,
             1e6, .preset = "10", .doc = "Requests of one customer on an average day"),
    JSON_F64(struct topo_country, peak_rps, "peak_rps", 0.001, 1e9,
             .doc = "Requests/s in the busiest hour; left out, customers and curve give it"),
    JSON_STR(struct topo_country, curve, "curve",
             .doc = "Demand by hour of the week in local time: a name from "
                    "sim-configs/data/demand_curves.csv, or flat; left out, the country's own "
                    "retail curve, or retail/ALL"),
    JSON_F64S(struct topo_country, hours, hours_count, "hours", 0, 1e12, .count_min = 24,
              .count_max = DATA_WEEK_HOURS,
              .doc = "A curve of one's own: 24 weights of a day, or 168 of a week from Monday "
                     "00:00, local time"),
    JSON_STR(struct topo_country, utc_offset, "utc_offset",
             .doc = "Local time minus UTC, as +01:00; left out, the January offset of the "
                    "country's main time zone"),
    JSON_OBJECT(struct topo_country, residency, "residency", residency_fields,
                .doc = "With whom it may share a cell, and where"),
    JSON_I64(struct topo_country, parts, "parts", 1, TOPO_PARTS_MAX, .preset = "1",
             .doc = "The frontier may cut it into up to so many equal cells of its own"),
    JSON_END,
};

static const struct json_field rtt_fields[] = {
    JSON_STR(struct topo_rtt, from, "from", .required = true,
             .doc = "A zone of the cell, or door for the door and the stores"),
    JSON_STR(struct topo_rtt, to, "to", .required = true,
             .doc = "Another, or the same one: between two servers in it"),
    JSON_DURATION(struct topo_rtt, rtt_us, "rtt", 0, 10e6, .required = true,
                  .doc = "The round trip, the same both ways"),
    JSON_END,
};

static const struct json_field cell_fields[] = {
    JSON_STRS(struct topo_cell, countries, country_count, "countries", .count_min = 1,
              .doc = "The countries it serves; left out, the one that it is named after"),
    JSON_STR(struct topo_cell, region, "region",
             .doc = "Provider and region, as aws/eu-central-1; left out, the nearest AWS region "
                    "with enough zones"),
    JSON_STRS(struct topo_cell, zones, zone_count, "zones", .count_min = 1,
              .count_max = TOPO_ZONES_MAX, .doc = "Names of its zones; left out, a, b and c"),
    JSON_I64(struct topo_cell, servers_per_zone, "servers_per_zone", 0, 100000,
             .doc = "Servers of each service in each zone; 0 or left out: as planned"),
    JSON_DURATION(struct topo_cell, zone_rtt_us, "zone_rtt", 1, 10e6,
                  .doc = "Round trip from the door to a server; left out, the median between the "
                         "region's zones, or 1015us, the median of 16 AWS regions"),
    JSON_LIST(struct topo_cell, rtts, rtt_count, "rtts", struct topo_rtt, rtt_fields,
              .count_max = 1000,
              .doc = "Round trips between two of its zones, or the door, that are other than "
                     "zone_rtt; simulated only"),
    JSON_BOOL(struct topo_cell, keep, "keep", .preset = "false",
              .doc = "The frontier leaves its countries together, with no other"),
    JSON_END,
};

/* CoDel's 5 ms and 100 ms (RFC 8289, section 4) are for links, where a packet takes less than a
 * millisecond. Its rules carry over: a target not below the time of one piece of work, and 5 to
 * 10 % of the interval; an interval in which those who send can react. The presets are for the
 * preset work of 20 ms and well below the preset timeout of 1 s. */
static const struct json_field function_fields[] = {
    JSON_I64(struct topo_function, instances, "instances", 0, 10000, .preset = "0",
             .doc = "That one cell may have at once; 0: it is an ordinary service"),
    JSON_I64(struct topo_function, least, "least", 0, 10000, .preset = "0",
             .doc = "So many are kept however idle, once they have started"),
    JSON_DURATION(struct topo_function, start_us, "start", 0, 3600e6, .preset = "500ms",
                  .doc = "How long one takes to start, on average"),
    JSON_BOOL(struct topo_function, start_fixed, "start_fixed", .preset = "false",
              .doc = "Exactly so long; otherwise exponential"),
    JSON_DURATION(struct topo_function, keep_us, "keep", 0, 366 * 86400e6, .preset = "5m",
                  .doc = "How long an idle one is kept"),
    JSON_END,
};

static const struct json_field service_fields[] = {
    JSON_F64(struct topo_service, share, "share", 0, 1e6, .preset = "1",
             .doc = "Its part of the requests from outside, relative to the other services'; 0: "
                    "other services call it, customers do not"),
    JSON_DURATION(struct topo_service, time_us, "time", 1, 3600e6,
                  .doc = "Mean work per request; left out, 20ms, or the mean of an empirical "
                         "spread's times, which are scaled to it otherwise"),
    JSON_WORD(struct topo_service, spread, "spread", dist_words, .preset = "exponential",
              .doc = "How the work scatters around its mean"),
    JSON_F64(struct topo_service, cs2, "cs2", DIST_CS2_MIN, DIST_CS2_MAX, .nullable = true,
             .doc = "Squared coefficient of variation (variance / mean^2) of a lognormal, gamma, "
                    "weibull or, from 1, hyperexponential spread"),
    JSON_F64(struct topo_service, tail, "tail", 0.001, 1000, .nullable = true,
             .doc = "Tail index of a pareto spread: more than 1, or it has no mean; up to 2 its "
                    "variance is infinite"),
    JSON_STR(struct topo_service, times, "times", .nullable = true,
             .doc = "File of an empirical spread, relative to this one: one time per line, as "
                    "12.5ms or a plain number of milliseconds"),
    JSON_I64(struct topo_service, concurrency, "concurrency", 1, 100000, .preset = "4",
             .doc = "Requests that one server works on at once"),
    JSON_I64(struct topo_service, queue, "queue", 0, 1000000, .preset = "32",
             .doc = "Requests that may wait at one server; more are shed"),
    JSON_WORD(struct topo_service, discipline, "discipline", discipline_words, .preset = "fifo",
              .doc = "Who is served next and who is shed: fifo the oldest and the newcomer, lifo "
                     "the newest and the oldest, codel as fifo but sheds where waits stay long, "
                     "priority users and background work"),
    JSON_DURATION(struct topo_service, codel_target_us, "codel_target", 1, 3600e6, .preset = "20ms",
                  .doc = "Under codel, the wait that may last"),
    JSON_DURATION(struct topo_service, codel_interval_us, "codel_interval", 1, 3600e6,
                  .preset = "200ms",
                  .doc = "Under codel, how long waits are above the target before some are shed"),
    JSON_BOOL(struct topo_service, drop_late, "drop_late", .preset = "false",
              .doc =
                  "Requests that nobody waits for any more, as the policy's timeout, the client's "
                  "or a call's deadline is over, are shed, not worked on"),
    JSON_F64(struct topo_service, background, "background", 0, 1, .preset = "0",
             .doc = "Share of its simulated requests that no user waits for"),
    JSON_LIST(struct topo_service, calls, call_count, "calls", struct topo_call, topo_call_fields,
              .count_max = TOPO_CALLS_MAX,
              .doc = "What it asks other services of its cell once its own work is done, step by "
                     "step; a server is free for others meanwhile"),
    JSON_OBJECT(struct topo_service, function, "function", function_fields,
                .doc =
                    "It is an event-driven function: instances are started on demand, each works "
                    "on `concurrency` requests, `queue` may wait in all; outside the zones, not "
                    "planned, not started live"),
    JSON_BOOL(struct topo_service, store, "store", .preset = "false",
              .doc =
                  "It is the cell's storage: one station outside the zones, whose concurrency is "
                  "that of the whole; it is not planned, and not started live"),
    JSON_END,
};

static const struct json_field tolerance_fields[] = {
    JSON_I64(struct topo_tolerance, zones, "zones", 0, TOPO_ZONES_MAX - 1, .preset = "1",
             .doc = "Zones of a cell that may be lost at once"),
    JSON_I64(struct topo_tolerance, servers, "servers", 0, 100000, .preset = "1",
             .doc = "Servers of a service that may be lost besides"),
    JSON_END,
};

static const struct json_field client_fields[] = {
    JSON_DURATION(struct topo_client, timeout_us, "timeout", 0, 600e6, .preset = "0s",
                  .doc = "How long it waits for an answer, with what the door does meanwhile; 0: "
                         "until there is one"),
    JSON_I64(struct topo_client, tries, "tries", 1, 10, .preset = "1",
             .doc = "How often it asks in all, where it gets no answer or an error"),
    JSON_DURATION(struct topo_client, backoff_us, "backoff", 0, 3600e6, .preset = "100ms",
                  .doc = "How long it waits before it asks again, give or take half; doubled for "
                         "each one after"),
    JSON_F64(struct topo_client, retry_budget, "retry_budget", 0, 10, .preset = "10",
             .doc = "How often it asks again per request, in the long run, over the clients of a "
                    "country"),
    JSON_END,
};

static const struct json_field goal_fields[] = {
    JSON_DURATION(struct topo_goal, wait_us, "wait", 0, 3600e6,
                  .doc = "So long a request waits at most at one service, for its quantile; 0 or "
                         "left out: no such goal"),
    JSON_DURATION(struct topo_goal, time_us, "time", 0, 3600e6,
                  .doc = "The same of wait and work together"),
    JSON_DURATION(struct topo_goal, mean_wait_us, "mean_wait", 0, 3600e6,
                  .doc = "The mean wait at one service"),
    JSON_F64(struct topo_goal, quantile, "quantile", 0.01, 0.999999, .preset = "0.99",
             .doc = "The share of requests that keeps wait and time"),
    JSON_WORD(struct topo_goal, queue, "queue", queue_words, .preset = "own",
              .doc = "What the formulas assume: own, a queue at each server and requests spread at "
                     "random, which no balance does worse than; shared, one queue for all, which "
                     "none does better than"),
    JSON_F64(struct topo_goal, touched, "touched", 0, 1,
             .doc = "Under shards, the share of customers that may have all their replicas in "
                    "common with one who breaks his; 0 or left out: no such goal"),
    JSON_END,
};

static const struct json_field candidate_fields[] = {
    JSON_STR(struct topo_candidate, region, "region", .required = true,
             .doc = "Provider and region, as aws/eu-central-1"),
    JSON_F64(struct topo_candidate, price, "price", 0.000001, 1e6, .preset = "1",
             .doc = "What a server costs there, in any unit, the same for all"),
    JSON_END,
};

const struct json_field topo_policy_fields[] = {
    JSON_DURATION(struct topo_policy, timeout_us, "timeout", 1000, 3600e6, .preset = "1s",
                  .doc = "How long one try is waited for"),
    JSON_I64(struct topo_policy, tries, "tries", 1, 10, .preset = "2",
             .doc = "Tries in all; each one after the first goes to another zone"),
    JSON_DURATION(struct topo_policy, backoff_us, "backoff", 0, 3600e6, .preset = "10ms",
                  .doc = "How long to wait before the second try, give or take half; doubled for "
                         "each one after"),
    JSON_F64(struct topo_policy, retry_budget, "retry_budget", 0, 10, .preset = "0.2",
             .doc = "Retries allowed per first try, in the long run"),
    JSON_I64(struct topo_policy, eject_failures, "eject_failures", 1, 1000000, .preset = "3",
             .doc = "Failures in a row after which the door leaves a server out"),
    JSON_DURATION(
        struct topo_policy, eject_us, "eject_for", 1000, 3600e6, .preset = "10s",
        .doc = "How long it is left out at most before one request tries it again: a sixteenth "
               "of it at first, doubled each time it fails again"),
    JSON_WORD(struct topo_policy, balance, "balance", balance_words, .preset = "choices",
              .doc = "How the door picks a server: the least loaded of some choices, different or "
                     "repeated; any; each in its turn; the least loaded of all; near, one in the "
                     "zone of who asks while it is not much busier; by the customer: one by hash, "
                     "or of a shard of his, fixed or shuffled"),
    JSON_I64(struct topo_policy, choices, "choices", 1, TOPO_CHOICES_MAX, .preset = "2",
             .doc = "So many are drawn at random by balance choices and repeated-choices"),
    JSON_I64(struct topo_policy, shard, "shard", 1, TOPO_SHARD_MAX, .preset = "2",
             .doc = "Under fixed-shards and shuffle-shards, the replicas that serve one customer"),
    JSON_I64(struct topo_policy, spill, "spill", 0, 1000000, .preset = "2",
             .doc = "Under near, how many requests more than a replica elsewhere one in the same "
                    "zone may have before the other is asked"),
    JSON_F64(struct topo_policy, hedge, "hedge", 0, 1, .preset = "0",
             .doc = "Second copies of slow requests that may be sent to another replica, per "
                    "request in the long run; 0: none"),
    JSON_F64(struct topo_policy, hedge_quantile, "hedge_quantile", 0.5, 0.999, .preset = "0.95",
             .doc = "What is slow: slower than this quantile of the latencies"),
    JSON_F64(struct topo_policy, breaker, "breaker", 0, 1000, .preset = "0",
             .doc = "A service is not asked, at random, once more than so many requests were sent "
                    "for each one that it took (2 is usual); 0: it always is"),
    JSON_DURATION(struct topo_policy, breaker_us, "breaker_window", 1000, 3600e6, .preset = "30s",
                  .doc = "How long the breaker remembers"),
    JSON_F64(struct topo_policy, panic, "panic", 0, 1, .preset = "0.25",
             .doc = "When less than this share of the replicas takes part, their failures are "
                    "ignored and all are asked: so many are not dead at once"),
    JSON_OBJECT(struct topo_policy, client, "client", client_fields,
                .doc = "What simulated customers do by themselves, in front of the door"),
    JSON_BOOL(struct topo_policy, spend, "spend", .preset = "false",
              .doc = "Live replicas take the service's time for each request, so that a laptop "
                     "behaves like the fleet it stands for"),
    JSON_BOOL(struct topo_policy, network, "network", .preset = "false",
              .doc = "Live messages between zones, and between a zone and the door or its stores, "
                     "take half the round trip of zone_rtt and rtts each way"),
    JSON_END,
};

/* What a shop runs when the topology does not say. The mix is an assumption (most requests browse
 * the catalog, few order); the times are of the order of the 11 ms mean and 25 ms 95th percentile
 * that Alibaba's public traces show for one call. */
static const char default_services[] = "{\"catalog\": {\"share\": 60, \"time\": \"20ms\"},"
                                       "\"customer\": {\"share\": 20, \"time\": \"10ms\"},"
                                       "\"order\": {\"share\": 15, \"time\": \"40ms\"},"
                                       "\"vendor\": {\"share\": 5, \"time\": \"10ms\"}}";

const struct json_field topo_fields[] = {
    JSON_STR(struct topo, about, "about", .doc = "What this is, for people"),
    JSON_MAP(struct topo, countries, country_count, "countries", struct topo_country,
             country_fields, .required = true, .count_min = 1,
             .doc = "The countries served, by ISO 3166 code"),
    JSON_MAP(struct topo, cells, cell_count, "cells", struct topo_cell, cell_fields,
             .count_max = TOPO_CELLS_MAX,
             .doc = "How the countries are cut into cells; a country in none gets its own"),
    JSON_MAP(struct topo, services, service_count, "services", struct topo_service, service_fields,
             .count_min = 1, .count_max = TOPO_SERVICES_MAX, .preset = default_services,
             .doc = "What runs in every cell; left out: catalog, customer, order and vendor"),
    JSON_OBJECT(struct topo, tolerance, "tolerance", tolerance_fields,
                .doc = "The loss that each cell must survive"),
    JSON_OBJECT(struct topo, goal, "goal", goal_fields,
                .doc = "What every service must keep after that loss, in counting servers"),
    JSON_LIST(struct topo, candidates, candidate_count, "regions", struct topo_candidate,
              candidate_fields, .count_min = 1, .count_max = TOPO_CANDIDATES_MAX,
              .doc = "Where the frontier may put cells; left out: every AWS region with enough "
                     "zones, all at one price"),
    JSON_DURATION(struct topo, rtt_max_us, "rtt_max", 0, 10e6,
                  .doc = "The longest round trip from customers to their cell's region in the "
                         "frontier; 0 or left out: any"),
    JSON_F64(struct topo, target_utilisation, "target_utilisation", 0.01, 1, .preset = "0.7",
             .doc = "How busy a server may be in counting servers"),
    JSON_OBJECT(struct topo, policy, "policy", topo_policy_fields,
                .doc = "What the door does, and who comes to it"),
    JSON_OBJECT(struct topo, pipeline, "pipeline", pipeline_def_fields,
                .doc = "The way of an order, from stage to stage"),
    JSON_END,
};
