/* status.h - what the control plane knows of a running system, at one moment.
 *
 * The live control process fills it and prints it as JSON; `bulkhead status` and the dashboard read
 * it; a simulation may fill it too, and the dashboard cannot tell. Rates, shares and percentiles
 * are over the last ten seconds. What is not known is -1 for counts and NaN for numbers. */
#ifndef CONTROL_STATUS_H
#define CONTROL_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* Worst first, which is the order of the dashboard. */
enum status_health {
    STATUS_DOWN,     /* nothing answers */
    STATUS_FAILING,  /* customers are hurt */
    STATUS_UNKNOWN,  /* no fresh data */
    STATUS_DEGRADED, /* customers are fine, redundancy is spent */
    STATUS_STARTING, /* not ready yet, for the first time */
    STATUS_OK,
    STATUS_IDLE, /* well, and no traffic */
};
extern const char *const status_health_words[]; /* by health, ended by NULL */

struct status_replica { /* one process */
    const char *service;
    int64_t pid; /* 0: none */
    int64_t port;
    int health; /* DEGRADED: slow */
    int64_t restarts;
    int64_t ails_ms; /* it reports, and has been failing by itself for so long; 0: it is not */
    const char *why; /* why it ends again and again, or is slow or failing though it answers; "" */
};

struct status_zone {
    const char *name;
    int health;
    int64_t since_ms;   /* in this health for so long */
    int64_t up, wanted; /* replicas */
    int64_t ends;       /* in a row, of that one of its processes that ended most often */
    double rps, share, errors, p99_ms; /* share: of the cell's requests; errors: share of its own */
    const char *why;                   /* a sentence; "" when all is well */
    int64_t agent_pid;
    struct status_replica *replicas;
    size_t replica_count;
};

struct status_member { /* one that is not simply alive */
    const char *name;  /* "b/agent" */
    int state;         /* enum gossip_state */
    const char *by;    /* who suspected it first, "" when not known */
    const char
        *also;      /* who confirmed it from another zone, "" when nobody has or it is not known */
    int64_t ago_ms; /* in this state for so long */
    int64_t views;  /* members asked who say so */
};

struct status_gossip { /* what the members of a cell believe of each other */
    int64_t members;   /* that there may be */
    int64_t live;
    int64_t refused; /* messages that were not what they should be, since the start */
    struct status_member *troubled;
    size_t troubled_count;
};

struct status_cell {
    const char *name;
    const char **countries;
    size_t country_count;
    const char *region;
    int health;
    int64_t since_ms;
    double rps, errors, p99_ms;
    int64_t lost; /* requests of the door that failed since it started */
    const char *why;
    struct status_zone *zones;
    size_t zone_count;
    struct status_gossip gossip;
};

enum status_what {                     /* what a door has switched off, or was told to */
                   STATUS_LEFT_OUT,    /* a replica that failed */
                   STATUS_TAKEN_OUT,   /* one that the map takes out */
                   STATUS_PANIC,       /* leaving out, as so few take part */
                   STATUS_RETRIES_OFF, /* as their budget is spent */
                   STATUS_COPIES_OFF,  /* second ones; the same */
                   STATUS_BREAKER,     /* requests that the service would not take */
};
extern const char *const status_what_words[]; /* ended by NULL */

struct status_reason {
    int what;                          /* enum status_what */
    const char *cell, *zone, *service; /* "": all of it */
    int64_t since_ms;                  /* it is so for so long; -1: since who knows when */
    int64_t
        until_ms;    /* until it ends by itself; 0: with the next request; -1: when things change */
    const char *why; /* the rule and its numbers, as a clause */
};

struct status_budget {          /* one that is not full */
    const char *cell, *service; /* "": of all its services */
    const char *of;             /* "retries", "second copies" */
    double left, full, earned;  /* tokens: one for each, and so much of one for each request */
};

enum status_rule { /* by which a request came to no good answer */
                   STATUS_BY_TRIES,
                   STATUS_BY_BUDGET,
                   STATUS_BY_DEADLINE,
                   STATUS_BY_BREAKER,
                   STATUS_BY_NOBODY,    /* there is no replica */
                   STATUS_BY_ANSWER,    /* a failure that is not tried again */
                   STATUS_BY_UNSENT,    /* it cannot be sent */
                   STATUS_BY_FULL,      /* the door has too much under way */
                   STATUS_BY_CLOSING,   /* the door ends */
                   STATUS_BY_COUNTRIES, /* a question to many, of whom none answered */
                   STATUS_RULES
};
extern const char *const status_rule_words[]; /* ended by NULL */

struct status_loss {
    const char *cell; /* "": a question to many countries */
    int rule;         /* enum status_rule */
    const char *last; /* what its last try came to: "timeout", "503"; "": there was none */
    int64_t count;
};

struct status_country { /* as asked by questions to many */
    const char *country;
    int64_t asked, missing;
    double rps, p99_ms; /* of those that answered */
};

struct status_questions { /* to many countries: GET /items */
    int64_t asked, partial, lost;
    double rps, p99_ms;
    struct status_country *countries; /* that have been asked */
    size_t country_count;
};

struct status_door {
    int64_t port, pid; /* pid 0: there is none */
    bool answers;
    double rps;
    int64_t requests, lost; /* since it started */
    int64_t map_version;
    const char *map_why; /* the file that is there is not used; NULL when it is */
    struct status_reason *reasons;
    size_t reason_count;
    int64_t reasons_more; /* that are not told, for there are so many; -1: not known */
    struct status_budget *budgets;
    size_t budget_count;
    struct status_loss *losses; /* their counts make up `lost` */
    size_t loss_count;
    struct status_questions questions;
};

struct status_fault {
    int64_t id;
    const char *kind, *scope; /* "zone-down", "de/a" */
    const char *parameters;   /* "factor 10"; "" when it has none */
    const char *who;          /* injected it */
    int64_t ends_in_ms;       /* -1: not by itself */
};

struct status_event { /* newest first */
    int64_t ago_ms;
    const char *text; /* "de/b is DOWN: fault 12 zone-down" */
};

struct status {
    const char *topology;          /* its file's name */
    int64_t uptime_ms;             /* of the control process */
    int64_t control_pid, door_pid; /* of the first door */
    int64_t port;                  /* the first door's */
    bool healthy;                  /* every cell is OK or IDLE */
    double rps, errors;
    int64_t requests, lost;    /* at the doors since they started */
    struct status_door *doors; /* a door knows of itself alone */
    size_t door_count;
    struct status_cell *cells;
    size_t cell_count;
    struct status_fault *faults;
    size_t fault_count;
    struct status_event *events;
    size_t event_count;
};

enum { STATUS_REASONS_MAX = 100 }; /* that a door tells of, and as many budgets */

/* The table; docs/status.schema.json is printed from it. */
extern const struct json_field status_fields[];
extern const struct json_field status_gossip_fields[]; /* of that part */
extern const struct json_field status_door_fields[];   /* the same */
extern const char *const status_member_words[];        /* by enum gossip_state, ended by NULL */

#endif
