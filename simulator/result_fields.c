/* The tables of a simulation's result. */
#include "base/json.h"
#include "base/scenario.h"
#include "simulator/run.h"

const char *const run_interval_words[] = {"none",        "replications",  "batch means",
                                          "exact bound", "run too short", NULL};
const char *const run_warmup_words[] = {"given", "found", "not settled", NULL};

const struct json_field run_measure_fields[] = {
    JSON_F64(struct run_measure, mean, "mean", 0, 0, .nullable = true,
             .doc = "Mean over the replications"),
    JSON_PAIR(struct run_measure, ci95, "ci95", .nullable = true,
              .doc = "95 % interval; null where there is none"),
    JSON_WORD(struct run_measure, interval, "interval", run_interval_words,
              .doc = "What it is based on: Student's over replications; batch means, for the mean "
                     "latency of one replication without faults, unless the run is too short for "
                     "them; the exact binomial bound where no request failed"),
    JSON_END,
};

static const struct json_field background_fields[] = {
    JSON_I64(struct run_background, requests, "requests", 0, 0, .doc = "As for users"),
    JSON_I64(struct run_background, ok, "ok", 0, 0, .doc = "Answered"),
    JSON_I64(struct run_background, shed, "shed", 0, 0, .doc = "Refused in the end"),
    JSON_I64(struct run_background, failed, "failed", 0, 0,
             .doc = "Reset, timed out or answered with an error in the end"),
    JSON_OBJECT(struct run_background, mean_ms, "mean_ms", run_measure_fields,
                .doc = "Mean latency of answered requests"),
    JSON_OBJECT(struct run_background, p50_ms, "p50_ms", run_measure_fields,
                .doc = "Median latency of answered requests at the customer"),
    JSON_OBJECT(struct run_background, p99_ms, "p99_ms", run_measure_fields,
                .doc = "99th percentile"),
    JSON_OBJECT(struct run_background, p999_ms, "p999_ms", run_measure_fields,
                .doc = "99.9th percentile"),
    JSON_END,
};

static const struct json_field country_fields[] = {
    JSON_I64(struct run_country, requests, "requests", 0, 0,
             .doc = "Requests of all replications, begun after the warm-up and ended"),
    JSON_I64(struct run_country, ok, "ok", 0, 0, .doc = "Answered"),
    JSON_I64(struct run_country, shed, "shed", 0, 0, .doc = "Refused in the end"),
    JSON_I64(struct run_country, failed, "failed", 0, 0,
             .doc = "Reset, timed out or answered with an error in the end"),
    JSON_I64(struct run_country, retries, "retries", 0, 0,
             .doc = "Tries of the door after the first, of a client's last visit"),
    JSON_I64(struct run_country, again, "again", 0, 0,
             .doc = "Visits of clients after the first, which have a policy.client"),
    JSON_OBJECT(struct run_country, availability, "availability", run_measure_fields,
                .doc = "Share of requests that were answered"),
    JSON_OBJECT(struct run_country, shed_each, "shed_each", run_measure_fields,
                .doc = "Requests refused, per replication"),
    JSON_OBJECT(struct run_country, failed_each, "failed_each", run_measure_fields,
                .doc = "Requests that failed, per replication"),
    JSON_OBJECT(struct run_country, mean_ms, "mean_ms", run_measure_fields,
                .doc = "Mean latency, to compare with queueing theory; customers feel the tail"),
    JSON_OBJECT(struct run_country, p50_ms, "p50_ms", run_measure_fields,
                .doc = "Median latency of answered requests at the customer"),
    JSON_OBJECT(struct run_country, p99_ms, "p99_ms", run_measure_fields, .doc = "99th percentile"),
    JSON_OBJECT(struct run_country, p999_ms, "p999_ms", run_measure_fields,
                .doc = "99.9th percentile"),
    JSON_F64(struct run_country, max_ms, "max_ms", 0, 0, .nullable = true,
             .doc = "The slowest of all"),
    JSON_OBJECT(struct run_country, hurt_s, "hurt_s", run_measure_fields,
                .doc = "Seconds in which more than 1 % of the requests were lost, of a run with "
                       "faults"),
    JSON_OBJECT(struct run_country, mitigate_s, "mitigate_s", run_measure_fields,
                .doc =
                    "From the first fault to the end of those seconds that it, or another before "
                    "all had ended, brought"),
    JSON_OBJECT(struct run_country, recover_s, "recover_s", run_measure_fields,
                .doc = "From the end of the last fault to the end of those seconds, of the "
                       "replications that recovered"),
    JSON_OBJECT(struct run_country, recovered, "recovered", run_measure_fields,
                .doc = "The share of replications that were well again at the end, after the last "
                       "fault had ended; below 1 it is metastable"),
    JSON_OBJECT(struct run_country, customers_hurt, "customers_hurt", run_measure_fields,
                .doc = "Share of the customers who lost a request, where they are told apart: "
                       "shards, hashing, poison"),
    JSON_OBJECT(struct run_country, background, "background", background_fields,
                .doc = "Requests that no user waits for, which are not among the others"),
    JSON_END,
};

static const struct json_field service_fields[] = {
    JSON_I64(struct run_service, servers, "servers", 0, 0, .doc = "In all zones, as planned"),
    JSON_I64(struct run_service, tries_shed, "tries_shed", 0, 0,
             .doc = "Tries refused by a server"),
    JSON_OBJECT(struct run_service, busy, "busy", run_measure_fields,
                .doc = "Utilisation of the planned servers over the measured time, dead ones "
                       "included; what control started besides can bring it above 1"),
    JSON_OBJECT(struct run_service, waiting, "waiting", run_measure_fields,
                .doc = "Tries that wait, in all servers: the mean number over the measured time"),
    JSON_OBJECT(struct run_service, in_system, "in_system", run_measure_fields,
                .doc = "Tries that wait or are worked on: the same"),
    JSON_I64(struct run_service, tries, "tries", 0, 0,
             .doc = "Sent to its servers, copies too: over the requests of customers it is what "
                    "retries and calls multiply to"),
    JSON_I64(struct run_service, copies, "copies", 0, 0,
             .doc = "Second copies of slow requests that were sent"),
    JSON_OBJECT(struct run_service, server_hours, "server_hours", run_measure_fields,
                .doc = "Servers that took part, by time, per replication: what it costs"),
    JSON_I64(struct run_service, waiting_max, "waiting_max", 0, 0,
             .doc = "Most tries that waited at once, of all replications"),
    JSON_END,
};

static const struct json_field cell_fields[] = {
    JSON_MAP(struct run_cell, services, service_count, "services", struct run_service,
             service_fields, .doc = "By service"),
    JSON_END,
};

static const struct json_field counted_fields[] = {
    JSON_I64(struct run_counted, countries, "countries", 0, 0,
             .doc = "Countries that may lose a request"),
    JSON_F64(struct run_counted, customers, "customers", 0, 0,
             .doc = "Share of all customers who may: of the cells that are hit, and with shards of "
                    "those who share all servers"),
    JSON_F64(struct run_counted, requests, "requests", 0, 0, .nullable = true,
             .doc = "Share of all requests that the servers which are left cannot carry; null: "
                    "faults come at random, or slow or spoil what they hit"),
    JSON_STR(struct run_counted, words, "words", .doc = "What bounds it within a cell"),
    JSON_END,
};

static const struct json_field blast_fields[] = {
    JSON_I64(struct run_blast, countries, "countries", 0, 0,
             .doc = "Countries that lost a request"),
    JSON_F64(struct run_blast, customers, "customers", 0, 0, .doc = "Their share of all customers"),
    JSON_F64(struct run_blast, requests, "requests", 0, 0,
             .doc = "Share of all requests that were lost"),
    JSON_OBJECT(struct run_blast, counted, "counted", counted_fields,
                .doc = "The same, counted from cells, zones, servers and shards alone, whatever "
                       "control, queues and retries make of it"),
    JSON_END,
};

static const struct json_field verdict_fields[] = {
    JSON_STR(struct run_verdict, measure, "measure", .doc = "What was expected of"),
    JSON_STR(struct run_verdict, country, "country", .nullable = true,
             .doc = "Which country; null: it is of a cell"),
    JSON_STR(struct run_verdict, cell, "cell", .nullable = true,
             .doc = "Which cell; null: it is of a country"),
    JSON_F64(struct run_verdict, value, "value", 0, 0, .nullable = true,
             .doc = "The mean over the replications"),
    JSON_F64(struct run_verdict, low, "min", 0, 0, .nullable = true,
             .doc = "Least value; null: no bound"),
    JSON_F64(struct run_verdict, high, "max", 0, 0, .nullable = true,
             .doc = "Greatest value; null: no bound"),
    JSON_BOOL(struct run_verdict, pass, "pass", .doc = "The value lies within"),
    JSON_END,
};

static const struct json_field difference_measure_fields[] = {
    JSON_F64(struct run_measure, mean, "mean", 0, 0, .nullable = true,
             .doc = "Mean over the replications of this run minus the other one"),
    JSON_PAIR(struct run_measure, ci95, "ci95", .nullable = true,
              .doc = "Its 95 % interval, of the paired differences; null for one replication"),
    JSON_END,
};

const struct json_field run_difference_fields[] = {
    JSON_OBJECT(struct run_difference, availability, "availability", difference_measure_fields,
                .doc = "Share of requests that were answered"),
    JSON_OBJECT(struct run_difference, p50_ms, "p50_ms", difference_measure_fields,
                .doc = "Median of latency"),
    JSON_OBJECT(struct run_difference, p99_ms, "p99_ms", difference_measure_fields,
                .doc = "99th percentile of latency"),
    JSON_OBJECT(struct run_difference, p999_ms, "p999_ms", difference_measure_fields,
                .doc = "99.9th percentile"),
    JSON_OBJECT(
        struct run_difference, hurt_s, "hurt_s", difference_measure_fields,
        .doc = "Seconds in which more than 1 % was lost; null, as the next two, without faults"),
    JSON_OBJECT(struct run_difference, mitigate_s, "mitigate_s", difference_measure_fields,
                .doc = "Until that ended, from the first fault on"),
    JSON_OBJECT(struct run_difference, recover_s, "recover_s", difference_measure_fields,
                .doc = "The same from the end of the last"),
    JSON_END,
};

static const struct json_field imprecise_fields[] = {
    JSON_STR(struct run_imprecise, measure, "measure", .doc = "Which measure"),
    JSON_STR(struct run_imprecise, country, "country", .doc = "Of which country"),
    JSON_F64(struct run_imprecise, relative, "relative", 0, 0, .nullable = true,
             .doc = "Half the width of its interval as a share of its mean, at the level that lets "
                    "all hold at once; null: nothing was seen"),
    JSON_F64(struct run_imprecise, wanted, "wanted", 0, 0, .doc = "What was asked for"),
    JSON_END,
};

const struct json_field run_fields[] = {
    JSON_I64(struct run_result, seed, "seed", 0, 0, .doc = "The seed"),
    JSON_I64(struct run_result, replications, "replications", 0, 0,
             .doc = "Replications that have ended"),
    JSON_BOOL(struct run_result, stopped, "stopped", .doc = "Stopped before all had"),
    JSON_BOOL(struct run_result, precise, "precise",
              .doc = "Every measure is as precise as the scenario's precision asks, or it asks "
                     "none; does not bear on pass or the exit status"),
    JSON_LIST(struct run_result, imprecise, imprecise_count, "imprecise", struct run_imprecise,
              imprecise_fields, .doc = "What is not"),
    JSON_F64(struct run_result, warmup_s, "warmup_s", 0, 0,
             .doc = "Simulated time at the beginning of each replication that was not measured"),
    JSON_WORD(struct run_result, warmup, "warmup", run_warmup_words,
              .doc = "Where it is from: given, found by warmup_auto, or the most that warmup_auto "
                     "may take, as the model had not settled by then"),
    JSON_I64(struct run_result, events, "events", 0, 0, .doc = "Events of all replications"),
    JSON_F64(struct run_result, wall_s, "wall_s", 0, 0, .doc = "Real time it took, seconds"),
    JSON_F64(struct run_result, events_per_s, "events_per_s", 0, 0,
             .doc = "Events per second of real time, without those that found the warm-up"),
    JSON_STR(struct run_result, digest, "digest",
             .doc = "Of every request's fate: same inputs and seed, same digest, everywhere"),
    JSON_BOOL(struct run_result, pass, "pass", .doc = "Every expectation holds"),
    JSON_STRS(struct run_result, warnings, warning_count, "warnings",
              .doc = "What makes the result less than it seems, each with its place"),
    JSON_OBJECT(struct run_result, detect_s, "detect_s", run_measure_fields,
                .doc = "From the first fault until a server was first left out while one was on"),
    JSON_I64(struct run_result, shifts, "shifts", 0, 0,
             .doc = "Zones that the control plane took out, in all replications"),
    JSON_I64(struct run_result, retired, "retired", 0, 0,
             .doc = "Servers that it took out because they ailed, the same"),
    JSON_OBJECT(struct run_result, blast, "blast_radius", blast_fields,
                .doc = "Whom the faults touched"),
    JSON_MAP(struct run_result, countries, country_count, "countries", struct run_country,
             country_fields, .doc = "By country"),
    JSON_MAP(struct run_result, cells, cell_count, "cells", struct run_cell, cell_fields,
             .doc = "By cell"),
    JSON_LIST(struct run_result, functions, function_count, "functions", struct run_function,
              run_function_fields, .count_min = 1, .doc = "Services that are one, by cell"),
    JSON_MAP(struct run_result, pipelines, pipeline_count, "pipelines", struct run_pipeline,
             run_pipeline_fields, .count_min = 1, .doc = "By cell, where orders are placed"),
    JSON_LIST(struct run_result, caches, cache_count, "caches", struct run_cache, run_cache_fields,
              .count_min = 1, .doc = "Of calls that have one, by cell"),
    JSON_LIST(struct run_result, verdicts, verdict_count, "expect", struct run_verdict,
              verdict_fields, .doc = "What was expected, and what came"),
    JSON_MAP(struct run_result, differences, difference_count, "differences", struct run_difference,
             run_difference_fields, .count_min = 1,
             .doc = "To --baseline, by country: each replication with the same of the other run, "
                    "which has the same luck"),
    JSON_END,
};
