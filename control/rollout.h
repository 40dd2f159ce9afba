/* rollout.h - a new version goes out: one cell first, then the others, each zone by zone.
 *
 * An upgrade is a planned failure of one zone at a time. Each zone is changed, must become ready,
 * and is then watched for a while; if more of its requests fail than the error budget allows, or it
 * does not become ready in time, the rollout halts by itself and what was changed is changed back,
 * the last zone first. It does not touch a zone while another of that cell is missing.
 *
 * A machine: news and the time come in, at most one order goes out. Versions speak to each other,
 * so the order of cells is only a matter of how much is hurt before it is seen. */
#ifndef CONTROL_ROLLOUT_H
#define CONTROL_ROLLOUT_H

#include <stdbool.h>
#include <stdint.h>

struct rollout_opts {
    const uint32_t *zones;  /* [cells] how many each has, >= 1; borrowed */
    uint32_t cells;         /* in the order in which they are changed, >= 1 */
    int64_t ready_us;       /* a zone must be ready so long after its order */
    int64_t watch_us;       /* and is watched so long */
    int64_t watch_first_us; /* the last zone of the first cell: before all others follow */
    double error_budget;    /* share of a changed zone's requests that may fail, 0..1 */
    int64_t requests_min;   /* fewer say nothing */
};

enum rollout_state {
    ROLLOUT_IDLE,     /* not begun */
    ROLLOUT_CHANGING, /* a zone is being changed */
    ROLLOUT_WATCHING, /* it has been */
    ROLLOUT_WAITING,  /* the next one is due, and its cell is not whole; or it was paused */
    ROLLOUT_UNDOING,  /* a zone is being changed back */
    ROLLOUT_DONE,     /* all have the new version */
    ROLLOUT_UNDONE,   /* all have the old one again */
    ROLLOUT_STUCK,    /* a zone did not become ready on the way back: for people */
};
extern const char *const rollout_state_words[]; /* by state, ended by NULL */

enum rollout_news {
    ROLLOUT_START,
    ROLLOUT_READY,   /* the zone that the last order named answers with the wanted version */
    ROLLOUT_SEEN,    /* requests and failures of that zone since the last such news */
    ROLLOUT_MISSING, /* the cell that is next has lost a zone */
    ROLLOUT_WHOLE,   /* all zones of that cell are there; assumed at first */
    ROLLOUT_PAUSE,   /* the operator: no further zone */
    ROLLOUT_RESUME,
    ROLLOUT_UNDO, /* the operator: back */
    ROLLOUT_TIMEOUT,
};

enum rollout_do { ROLLOUT_NOTHING, ROLLOUT_CHANGE, ROLLOUT_CHANGE_BACK };

struct rollout_order {
    enum rollout_do what;
    uint32_t cell, zone;
};

enum { ROLLOUT_WHY_MAX = 160 };

struct rollout { /* fields are for reading */
    struct rollout_opts opts;
    enum rollout_state state;
    uint32_t cell, zone; /* of the last order */
    uint32_t changed;    /* zones of all cells that have the new version, or are getting it */
    bool missing, paused;
    int64_t since_us;          /* of the state */
    int64_t requests, failed;  /* of the zone that is watched */
    char why[ROLLOUT_WHY_MAX]; /* it went back, or stuck: the reason; "" */
};

void rollout_init(struct rollout *r, const struct rollout_opts *opts, int64_t now_us);

/* Take news; `requests` and `failed` are of ROLLOUT_SEEN. News that do not fit the state are
 * ignored: they may be late. `now_us` never goes back. */
struct rollout_order rollout_step(struct rollout *r, int64_t now_us, enum rollout_news news,
                                  int64_t requests, int64_t failed);

/* When ROLLOUT_TIMEOUT is due; INT64_MAX: never. */
int64_t rollout_deadline_us(const struct rollout *r);

#endif
