/* balance.h - which replica gets the next request.
 *
 * Unless the topology says otherwise by the power of two choices: of two distinct replicas picked
 * at random the one with fewer requests outstanding at this door (Mitzenmacher 2001, IEEE TPDS
 * 12(10); distinct, not with replacement). The other policies are rows of a table in balance.c.
 * Whatever the policy, a replica that fails several times in a row is left out for a while, then
 * gets one trial: until that has ended nothing else is sent there. The while is short at first and
 * longer each time it fails again (base/backoff.h): a zone that is back after a second must carry
 * its share before the next one is lost. A second try never goes to the zone that just failed, as
 * long as another zone has a replica; and of several choices it takes one that has not failed
 * lately, so that it does not meet a second failure.
 *
 * The live door and the simulated one call the same functions. No clock, no allocation after init:
 * `now_us` is handed in and never goes back. */
#ifndef CONTROL_BALANCE_H
#define CONTROL_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/topo.h"

struct arena;

enum { BALANCE_NO_ZONE = UINT16_MAX };
#define BALANCE_NONE UINT32_MAX

struct balance_opts {
    uint32_t eject_failures;  /* failures in a row before a replica is left out, >= 1 */
    int64_t eject_us;         /* at most so long, >= 0: backoff_eject_us */
    enum topo_balance policy; /* all zero: two distinct choices */
    uint32_t choices;         /* of the policies that draw some, at most TOPO_CHOICES_MAX; 0 is 2 */
    uint32_t shard;           /* replicas of one, at most TOPO_SHARD_MAX; 0 is 2 */
    uint32_t spill;           /* requests that one near by may have more than one elsewhere */
    double panic;             /* share of the replicas that must take part; 0: any will do */
};

enum balance_state {
    BALANCE_IN,    /* takes part */
    BALANCE_OUT,   /* left out until `until_us` */
    BALANCE_DUE,   /* takes part for one try */
    BALANCE_TRIAL, /* that try is under way: left out until its end tells */
    BALANCE_GONE,  /* not there: never picked */
};

struct balance_replica {
    uint32_t outstanding; /* sent and not yet answered */
    uint32_t failures;    /* in a row */
    uint16_t zone;
    uint8_t state;    /* enum balance_state */
    uint8_t times;    /* it was left out, one soon after the other */
    bool withdrawn;   /* route.c's: the map says so */
    int64_t until_us; /* OUT: left out so long. IN: one more failure until then is soon after */
};

struct balance { /* fields are private to balance.c, but for reading `replica` */
    struct balance_opts opts;
    struct balance_replica *replica; /* [count], zone by zone */
    uint32_t count;
    uint32_t *zone_start; /* [zones + 1] where each zone begins in `replica` */
    uint16_t only;        /* the zone of all replicas, if there is one; it cannot be avoided */
    uint32_t *in;         /* [in_count] replicas that take part, zone by zone */
    uint32_t in_count;
    uint32_t gone;        /* replicas that are not there */
    uint32_t *zone_first; /* [zones + 1] where each zone begins in `in` */
    uint32_t zones;
    int64_t trial_us; /* when the next one left out gets its trial; INT64_MAX: none is */
    uint32_t turn;    /* of the round robin: how many have been picked */
    bool plain;       /* two distinct choices: balance_pick does it itself */
    bool panic;       /* balance_panics, as of the last change */
};

/* What a topology says. */
struct balance_opts balance_opts_of(const struct topo_policy *policy);

/* `per_zone[z]` replicas in zone z of `zones`, numbered zone by zone from 0. Storage is the
 * arena's. 0, or -1 when memory is out. */
int balance_init(struct balance *b, const struct balance_opts *opts, const uint32_t *per_zone,
                 uint32_t zones, struct arena *a);

/* Choose for a request; BALANCE_NO_ZONE avoids none. When every replica outside `avoid` is left
 * out, those left out are chosen from, since a guess is better than a refusal: of two the one whose
 * trial comes first. Only when there is none at all outside `avoid` is nothing avoided.
 * BALANCE_NONE when there are no replicas. */
uint32_t balance_pick(struct balance *b, uint16_t avoid, struct rng *rng, int64_t now_us);

struct balance_ask { /* a request that is to be placed */
    uint16_t avoid;  /* the zone that failed; BALANCE_NO_ZONE: none */
    uint16_t away;   /* the zone that is taken out (shift.h); BALANCE_NO_ZONE: none */
    uint16_t near;   /* the zone that asks, for `near`; one that there is not: from outside */
    uint64_t key;    /* the customer, for `hash` and shards */
};

/* balance_pick for every policy, and for two zones to avoid: where there is no replica outside
 * both, the one that failed is asked again rather than the one that is away. Shards stay what they
 * are when replicas of them fail, or a failure that a customer brings would follow it to all
 * replicas: a shard that is left out as a whole is still asked, and BALANCE_NONE only means that
 * none of it is there. Hashing and shards go by rendezvous (Thaler and Ravishankar 1998, IEEE/ACM
 * TON 6(1)): a replica that comes or goes moves only its own customers. They look at every replica.
 */
uint32_t balance_pick_for(struct balance *b, const struct balance_ask *ask, struct rng *rng,
                          int64_t now_us);

/* So few take part that failures are ignored. */
bool balance_panics(const struct balance *b);

/* A replica comes, or goes for good; at first all are there. What is outstanding there still
 * ends with balance_ended. */
void balance_present(struct balance *b, uint32_t replica, bool present);

/* A try was sent to `replica`. */
void balance_sent(struct balance *b, uint32_t replica);

enum balance_outcome {
    BALANCE_ANSWERED, /* with anything, a refusal included: it lives */
    BALANCE_FAILED,   /* reset, refused connection or timeout */
    BALANCE_LEFT,     /* nobody waited for it any longer: says nothing */
};

/* A try at `replica` has ended. */
void balance_ended(struct balance *b, uint32_t replica, enum balance_outcome outcome,
                   int64_t now_us);

#endif
