/* gossip_net.h - members that gossip, on simulated time: the machines of control/gossip.h, and a
 * net between them that delays, loses and cuts.
 *
 * Messages travel as bytes, through the codec. The engine's tick is 1 us here. All members know
 * each other at the start, unless they begin asleep. Who is crashed hears and does nothing. Who is
 * drowsy acts only at whole multiples of `nap_us` of its own: first what is due, then what has come
 * in, in order, then what is due again, as an event loop that was kept from running does. */
#ifndef SIMULATOR_GOSSIP_NET_H
#define SIMULATOR_GOSSIP_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "control/gossip.h"
#include "control/gossip_story.h"
#include "simulator/engine.h"

struct arena;
struct error;

struct gossip_net_opts {
    struct gossip_opts gossip; /* self, zone, members_max and trace are filled in */
    uint16_t members;          /* 2..GOSSIP_MEMBERS_MAX; member i is in zone i % zones */
    uint8_t zones;             /* 1..GOSSIP_ZONES_MAX */
    uint16_t asleep; /* the last so many are not there at the start, and nobody knows them */
    double loss;     /* of each message, 0..1 */
    int64_t near_us, far_us; /* delay within a zone and between two, half of it by chance */
    uint32_t packets_max;    /* under way at a time; more are lost, and counted */
    uint64_t seed, replication;
    /* Called for each decision of any member, or NULL. */
    void (*trace)(void *context, const struct gossip_record *record);
    void *context;
};

struct gossip_net_counts {
    uint64_t sent, bytes; /* messages, and what they weigh */
    uint64_t lost, cut;
    uint64_t overflow;   /* lost for want of packets */
    uint64_t suspected;  /* a member that runs: suspected by one on its own */
    uint64_t killed;     /* a member that runs, not cut off: called dead by one on its own */
    uint64_t cut_killed; /* the same, of members that are cut off from who calls them dead */
    int64_t member_us;   /* that members ran, in sum */
};

struct gossip_net_member;
struct gossip_net_packet;

struct gossip_net { /* fields are private to gossip_net.c, but for counts and engine's time */
    struct gossip_net_opts opts;
    struct engine engine;
    struct gossip_net_counts counts;
    struct rng rng;
    struct arena *arena;
    struct gossip_net_member *member; /* [members] */
    struct gossip_net_packet *packet; /* [packets_max] */
    uint32_t packet_free;
    uint16_t running;
    int64_t counted_us; /* up to when counts.member_us is */
    struct gossip_out out;
    struct gossip_msg in;
};

/* Memory is the arena's; do not move a struct gossip_net. 0, or -1 with `err` set. */
int gossip_net_init(struct gossip_net *net, const struct gossip_net_opts *opts, struct arena *a,
                    struct error *err);

/* Let time pass until `until_us`. */
void gossip_net_run(struct gossip_net *net, int64_t until_us);

/* It stops at once and says nothing. */
void gossip_net_crash(struct gossip_net *net, uint16_t member);

/* One that is not there starts, knowing nobody, and joins `seed`. Its memory is taken anew from the
 * arena. 0, or -1 when memory is out. */
int gossip_net_start(struct gossip_net *net, uint16_t member, uint16_t seed);

/* It says good-bye and stops. */
void gossip_net_leave(struct gossip_net *net, uint16_t member);

/* From now on, what is sent between `zone` and the others is lost; or no longer. */
void gossip_net_cut(struct gossip_net *net, uint8_t zone, bool is_cut);

/* It naps from now on; 0: no longer. */
void gossip_net_nap(struct gossip_net *net, uint16_t member, int64_t nap_us);

const struct gossip *gossip_net_at(const struct gossip_net *net, uint16_t member);

/* How many that run hold `member` to be in `state`, itself not asked. */
uint16_t gossip_net_hold(const struct gossip_net *net, uint16_t member, enum gossip_state state);

static inline int64_t gossip_net_now(const struct gossip_net *net)
{
    return engine_now(&net->engine);
}

#endif
