/* route.h - what becomes of a request at who asks: a door, or a service that calls another.
 *
 * The whole decision, composed once of choosing (control/balance.h), repeating (retry.h), second
 * copies (hedge.h), refusing (breaker.h), zones that are taken out (shift.h) and deadlines: where a
 * try goes, whether a slow one gets a second copy, and after each outcome whether that is the
 * answer, is waited for, is tried again and when, or is given up. Each choice says by which rule it
 * was made, with the number that was measured and the limit it was held against.
 *
 * The live door and the simulated one call these functions; so does who replays what a door was
 * told. Plain functions on plain structs: no clock, no allocation after init, `now_us` is handed in
 * and never goes back. Random numbers are drawn from the group's stream alone. */
#ifndef CONTROL_ROUTE_H
#define CONTROL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "control/balance.h"
#include "control/breaker.h"
#include "control/hedge.h"
#include "control/retry.h"

struct arena;
struct shift;
struct topo_policy;

enum { ROUTE_WORDS_MAX = 160 };

struct route_opts { /* of one service in one cell */
    struct balance_opts balance;
    struct hedge_opts hedge;
    struct breaker_opts breaker;
    double rps;         /* the highest rate of requests expected, for the burst of second copies */
    int64_t timeout_us; /* patience with one try, > 0 */
    int64_t backoff_us; /* before the second try, about; >= 0 */
    uint32_t tries;     /* in all, 1..1000 */
};

/* What a topology says. */
struct route_opts route_opts_of(const struct topo_policy *policy, double rps);

struct route_group { /* the replicas of one service in one cell, as who asks sees them */
    struct balance balance;
    struct hedge hedge;
    struct breaker breaker;
    struct rng rng;
    struct retry *retry;       /* the budget that the services of a cell share */
    const struct shift *shift; /* of the cell; NULL: none of its zones is ever taken out */
    int64_t timeout_us, backoff_us;
    uint32_t tries;
};

/* All take part. `retry` is borrowed, `rng` copied, storage is the arena's. 0, or -1 when memory is
 * out. */
int route_init(struct route_group *g, const struct route_opts *opts, const uint32_t *per_zone,
               uint32_t zones, struct retry *retry, const struct rng *rng, int64_t now_us,
               struct arena *a);

struct route_request {   /* set key, near and deadline_us, then route_begin */
    uint64_t key;        /* its customer, for balances that go by that */
    int64_t deadline_us; /* nobody waits longer; DEADLINE_NEVER: nobody said */
    int64_t sent_us;     /* the try under way */
    uint32_t replica;    /* where it is; BALANCE_NONE: nowhere, or only its copy is out */
    uint32_t copy;       /* where its second copy is; BALANCE_NONE: there is none */
    uint16_t tries;      /* so far, with its trial */
    uint16_t trials;     /* 1: it was the trial of one that was left out. That is our question and
                            not its own, and is not counted against it; once */
    uint16_t avoid;      /* the zone that failed last; BALANCE_NO_ZONE: none */
    uint16_t near;       /* the zone of who asks; one that there is not: outside */
};

enum route_act {
    ROUTE_SEND,   /* to `replica`, and wait for it `wait_us` */
    ROUTE_WAIT,   /* for what is under way */
    ROUTE_RETRY,  /* after `wait_us` call route_try */
    ROUTE_ANSWER, /* what came is the answer; what is still out at `replica` is called off */
    ROUTE_STOP,   /* nothing more is tried: what came is the answer, or there is none */
};

enum route_rule {                  /* measured, limit */
                  ROUTE_PICKED,    /* by the balance: requests outstanding there, - */
                  ROUTE_ELSEWHERE, /* outside the zone that failed or is slow: the same */
                  ROUTE_SHIFTED,   /* outside the zone that is taken out: the same */
                  ROUTE_TRIAL,     /* its time out is over and one try tells: the same */
                  ROUTE_BLIND, /* all that may be asked are left out: replicas that take part, there
                                  are */
                  ROUTE_PANIC, /* so few take part that failures are ignored: the same */
                  ROUTE_SAME_ZONE, /* there is no other zone than the one to avoid: the same */
                  ROUTE_SLOW, /* a second copy, as the first is slow: us waited, us that are usual
                               */
                  ROUTE_OTHER_OUT,    /* another copy may still answer: -, - */
                  ROUTE_HEDGES_SPENT, /* no copy: parts of a token in the budget, needed */
                  ROUTE_ALONE,    /* no copy, there is no other replica: replicas there, needed */
                  ROUTE_AGAIN,    /* it failed and may be repeated: tries, tries in all */
                  ROUTE_ANSWERED, /* -, - */
                  ROUTE_NOT_SENT, /* it cannot be sent at all: -, - */
                  ROUTE_TRIES,    /* tries, tries in all */
                  ROUTE_BUDGET,   /* no retry: parts of a token in the budget, needed */
                  ROUTE_DEADLINE, /* us until nobody waits, us needed */
                  ROUTE_BREAKER, /* the service takes too little: parts in a million refused here, -
                                  */
                  ROUTE_NOBODY,  /* there is no replica: replicas there, needed */
                  ROUTE_RULES
};

struct route_choice {
    uint16_t act;     /* enum route_act */
    uint16_t rule;    /* enum route_rule */
    uint16_t avoid;   /* the zone that failed or is slow and is avoided; BALANCE_NO_ZONE: none */
    uint16_t away;    /* the zone that is taken out and is avoided; the same */
    uint32_t replica; /* of SEND and ANSWER, else BALANCE_NONE */
    int64_t wait_us;  /* of SEND and RETRY, else 0 */
    int64_t hedge_us; /* of the first SEND of a try: then call route_hedge; INT64_MAX: never */
    int64_t measured, limit;
};

/* The map says that `replica` takes part, or that it is taken out on purpose: while any other takes
 * part, nothing new is sent there; what is under way there ends as it does. When all are taken out,
 * none is: a map that leaves nobody is no reason to serve nobody. Not for groups whose replicas
 * come and go by balance_present. */
void route_present(struct route_group *g, uint32_t replica, bool present);

/* A request comes: choose for its first try. SEND or STOP. */
struct route_choice route_begin(struct route_group *g, struct route_request *r, int64_t now_us);

/* The wait of a RETRY is over. SEND or STOP. */
struct route_choice route_try(struct route_group *g, struct route_request *r, int64_t now_us);

/* A try is out, alone, since the `hedge_us` that its choice gave. SEND a second copy, or WAIT. */
struct route_choice route_hedge(struct route_group *g, struct route_request *r, int64_t now_us);

enum route_outcome {
    ROUTE_GOOD,   /* an answer that stands, be it a no */
    ROUTE_SHED,   /* refused: too busy */
    ROUTE_ERROR,  /* the replica could not do it */
    ROUTE_LOST,   /* refused connection, reset, garbled or no answer in time */
    ROUTE_UNSENT, /* the request itself cannot be sent; says nothing of the replica */
    ROUTE_OUTCOMES
};

/* What an HTTP status says. */
enum route_outcome route_outcome_of(int status);

/* What was sent to `replica` has ended. After ANSWER nothing is out any more for this request, nor
 * after RETRY and STOP. */
struct route_choice route_end(struct route_group *g, struct route_request *r, uint32_t replica,
                              enum route_outcome outcome, int64_t now_us);

/* Nobody waits for the request any more, now: what is out is called off by the caller. */
void route_leave(struct route_group *g, struct route_request *r, int64_t now_us);

/* Why, in words and without names: "the retry budget has 0.20 of 1.00 token". */
void route_say(const struct route_choice *choice, char out[ROUTE_WORDS_MAX]);

#endif
