/* capacity.h - how many servers each zone needs, so that the tolerated loss is not felt.
 *
 * The count rule. A server carries concurrency / time x target utilisation requests/s. A cell of n
 * zones that must survive the loss of k zones and m servers more needs, for every service, the
 * smallest s per zone with (n - k) s - m >= load / server. What survives is there before the
 * failure: nothing has to be started, so no control plane is needed (static stability). Where the
 * topology has a latency goal, what survives also keeps that (control/queueing.h). */
#ifndef CONTROL_CAPACITY_H
#define CONTROL_CAPACITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/topo.h"
#include "control/queueing.h"

struct arena;
struct error;

struct capacity_service {
    const char *name;
    double peak_rps;          /* at the cell's busiest slot */
    int64_t needed_load;      /* servers that carry that at target utilisation */
    int64_t needed_goal;      /* that keep the latency goal under it; 0: no goal */
    int64_t needed;           /* the more of both */
    int64_t per_zone_planned; /* so that the tolerated loss is survived */
    int64_t per_zone;         /* what the topology fixes, or else as planned */
    int64_t servers;          /* in all zones; 1 of a store, which is in none */
    double busy;              /* utilisation at peak, nothing lost */
    double busy_after_loss;   /* with the tolerated loss; above 1 it sheds; infinite: none left */
    bool keeps_goal;          /* with that loss at peak; true without a goal */
    /* With that loss at peak: the mean wait, and the wait and the wait with work that the goal's
     * quantile keeps, us; by queues as the goal has it; infinite: it sheds. */
    struct queueing_times after_loss;
};

struct capacity_cell {
    const char *name;
    const char **countries;
    size_t country_count;
    const char *region;
    int64_t zones;
    double peak_rps;
    size_t peak_slot;
    double customers_share; /* of all customers: what its loss touches */
    double demand_share;    /* of all requests of a week */
    struct capacity_service *services;
    size_t service_count;
    int64_t servers;
    double busy_after_loss; /* of its tightest service */
    int64_t rtt_us;         /* longest round trip from its customers to its region */
    bool enough; /* after the tolerated loss no service is above target or misses a goal */
};

struct capacity_plan {
    struct capacity_cell *cells;
    size_t cell_count;
    int64_t servers;               /* the topology's cells */
    struct capacity_cell together; /* all countries in one cell of as many zones as the first */
    double sum_of_peaks_rps;       /* over the cells */
    double peak_of_sum_rps;
    double peaks_ratio;     /* the first over the second */
    double separation_cost; /* servers over together.servers, minus 1 */
    double blast_customers; /* largest customers_share of one cell */
    double blast_demand;
    bool enough;
};

/* Tables that encode a cell, and the one that holds all. */
extern const struct json_field capacity_cell_fields[];
extern const struct json_field capacity_together_fields[];

struct capacity_rule { /* what it takes to count one service */
    double server_rps; /* of one server at target utilisation */
    double load;       /* requests per request from outside */
    bool store;        /* not planned */
    struct queueing queueing;
};

/* The rules of all services, in the topology's order. NULL with `err` set when memory is out or no
 * number of servers keeps the goal. */
struct capacity_rule *capacity_rules(const struct topo *topo, struct arena *a, struct error *err);

/* Servers of one service that carry `rps` of its own requests and keep its goal. */
int64_t capacity_rule_needed(const struct capacity_rule *rule, double rps);

/* Servers of all services of a cell of `zones` zones whose peak is `peak_rps`, as planned. */
int64_t capacity_servers(const struct capacity_rule *rules, const struct topo *topo,
                         double peak_rps, int64_t zones);

/* Requests/s that one server carries at utilisation `busy`. */
double capacity_server_rps(const struct topo_service *service, double busy);

/* Servers that carry `rps`, one at least if there is any. A billionth too much does not make one
 * more: 350 / 70 is 5. */
int64_t capacity_needed(double rps, double server_rps);

/* Servers per zone so that `needed` remain after the loss. `zones` > `lost.zones`. */
int64_t capacity_per_zone(int64_t needed, int64_t zones, struct topo_tolerance lost);

/* Count the servers of `topo`. Everything lives in `a`; names are borrowed from `topo`.
 * 0, or -1 when memory is out, a count passes 10^9 or the goal is out of reach. */
int capacity_plan(struct capacity_plan *plan, const struct topo *topo, struct arena *a,
                  struct error *err);

#endif
