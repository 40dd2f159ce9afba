/* subject.h - what validate simulates: one model, for one row or for a few.
 *
 * A subject runs replications in rounds, each a half more, until the half width of every measure is
 * what is asked. What comes out depends on the seed alone. */
#ifndef SIMULATOR_SUBJECT_H
#define SIMULATOR_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "simulator/repair.h"
#include "simulator/station.h"

struct arena;
struct error;
struct validate_row;

enum { SUBJECT_MEASURES = 4, SUBJECT_CONTROLS = STATION_CONTROLS };

struct subject_sample { /* of one replication */
    double value[SUBJECT_MEASURES];
    double control[SUBJECT_CONTROLS];
};

struct subject {
    const char *name; /* of its streams */
    int (*replicate)(const struct subject *s, uint64_t seed, uint64_t replication,
                     struct subject_sample *sample, struct arena *a, struct error *err);
    union {
        struct station_opts station;
        struct repair_opts repair;
        struct {
            uint64_t leaves;
            double p;
            int64_t requests;
        } scatter;
        struct {
            uint32_t workers, shard;
            int64_t pairs;
        } share;
        struct {
            int64_t calls;
            uint32_t tries_max;
            double fails, budget;
        } retry;
        struct {
            double quantile;
            int64_t over_us, requests;
        } hedge;
        struct {
            double k;
            int64_t requests;
        } throttle;
    };
    int measures;         /* value[0 .. measures-1] are used */
    int controls;         /* control[0 .. controls-1] are, */
    int draws;            /* and the first of them are tested */
    bool time;            /* of station: the first measure is the time in system, not the wait */
    int64_t replications; /* of the first round */
    double cost;          /* predicted; any unit */
    struct validate_row *row[SUBJECT_MEASURES]; /* NULL: that measure has none */
    double width[SUBJECT_MEASURES];             /* half widths asked for, absolute */
};

/* How many intervals are made, for their level. */
int64_t subject_intervals(const struct subject *s);

/* Replicate, and fill the rows' simulated values and verdicts, with intervals at `level`. `a` is
 * for the work; it may be released after. 0, or -1 with `err` set. */
int subject_run(const struct subject *s, uint64_t seed, double level, struct arena *a,
                struct error *err);

/* The models. */
int subject_station(const struct subject *s, uint64_t seed, uint64_t replication,
                    struct subject_sample *sample, struct arena *a, struct error *err);
int subject_repair(const struct subject *s, uint64_t seed, uint64_t replication,
                   struct subject_sample *sample, struct arena *a, struct error *err);
int subject_scatter(const struct subject *s, uint64_t seed, uint64_t replication,
                    struct subject_sample *sample, struct arena *a, struct error *err);
int subject_share(const struct subject *s, uint64_t seed, uint64_t replication,
                  struct subject_sample *sample, struct arena *a, struct error *err);
int subject_retry(const struct subject *s, uint64_t seed, uint64_t replication,
                  struct subject_sample *sample, struct arena *a, struct error *err);

#endif
