/* health.h - from numbers to a word: how is this zone, how is this cell, and why.
 *
 * The numbers are what agents say of their replicas and the door of its requests. Pure: a list of
 * rules, of which the first that holds speaks. */
#ifndef CONTROL_HEALTH_H
#define CONTROL_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/status.h"

struct topo_cell;

enum { HEALTH_WHY_MAX = 256 };

/* Shares of failed requests from which on customers are hurt; a zone's are tried again elsewhere.
 * Below HEALTH_RPS_MIN a share says too little. */
extern const double health_cell_errors_max; /* 0.01 */
extern const double health_zone_errors_max; /* 0.05 */
extern const double health_rps_min;         /* 1 */
enum { HEALTH_FRESH_US = 1000000 };         /* what an agent said is believed so long at least */

struct health_facts {        /* of a zone, beside what its status says */
    bool ready_once;         /* every replica has been up at the same time since control began */
    int64_t heard_us_ago;    /* since its agent answered, -1: never */
    int64_t fresh_us;        /* what it said is believed for so long */
    bool agent_runs;         /* there is a process */
    bool buried;             /* gossip calls all of its processes dead */
    const char *agent_words; /* of supervise_words, of the agent */
    const char *fault;       /* "fault 12 zone-down", "" when nothing holds the zone down */
    const char *loop; /* of its agent: "catalog ended 4 times ...", "order is slow: ..."; "" */
};

/* Of `zone` its replicas, up, wanted, rps and errors are read. `why` becomes "" when all is well.
 */
enum status_health health_zone(const struct status_zone *zone, const struct health_facts *facts,
                               char why[HEALTH_WHY_MAX]);

/* Of `cell` rps, errors and the zones with their health and why are read; all its zones have the
 * same services. `ready_once`: it has been OK before. */
enum status_health health_cell(const struct status_cell *cell, bool ready_once,
                               char why[HEALTH_WHY_MAX]);

/* Of a replica: OK, or slow. */
bool health_serves(int health);

/* OK or IDLE. */
bool health_is_well(int health);

struct health_clock { /* since when */
    int health;
    int64_t since_us;
};

/* Note what is so now. True when it is news: a change between well and well is none. */
bool health_note(struct health_clock *clock, int health, int64_t now_us);

#endif
