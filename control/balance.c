#include "control/balance.h"

#include <assert.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/backoff.h"

/* List those that take part. Called when one leaves or returns, not per request. */
static void refill(struct balance *b)
{
    b->in_count = 0;
    b->trial_us = INT64_MAX;
    uint32_t zone = 0;
    b->zone_first[0] = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct balance_replica *r = &b->replica[i];
        while (zone < r->zone)
            b->zone_first[++zone] = b->in_count;
        if (r->state == BALANCE_IN || r->state == BALANCE_DUE)
            b->in[b->in_count++] = i;
        else if (r->state == BALANCE_OUT && r->until_us < b->trial_us)
            b->trial_us = r->until_us;
    }
    while (zone < b->zones)
        b->zone_first[++zone] = b->in_count;
    b->panic = balance_panics(b);
}

struct balance_opts balance_opts_of(const struct topo_policy *policy)
{
    return (struct balance_opts){
        .eject_failures = (uint32_t)policy->eject_failures,
        .eject_us = policy->eject_us,
        .policy = (enum topo_balance)policy->balance,
        .choices = (uint32_t)policy->choices,
        .shard = (uint32_t)policy->shard,
        .spill = (uint32_t)policy->spill,
        .panic = policy->panic,
    };
}

int balance_init(struct balance *b, const struct balance_opts *opts, const uint32_t *per_zone,
                 uint32_t zones, struct arena *a)
{
    assert(opts->eject_failures >= 1);
    assert(opts->choices <= TOPO_CHOICES_MAX);
    assert(zones < BALANCE_NO_ZONE);
    *b = (struct balance){.opts = *opts, .zones = zones, .only = BALANCE_NO_ZONE};
    if (b->opts.choices == 0)
        b->opts.choices = 2;
    if (b->opts.shard == 0)
        b->opts.shard = 2;
    assert(b->opts.shard <= TOPO_SHARD_MAX);
    b->plain = opts->policy == TOPO_BALANCE_CHOICES && b->opts.choices == 2;
    for (uint32_t z = 0; z < zones; z++)
        b->count += per_zone[z];
    b->replica = arena_alloc(a, b->count, sizeof b->replica[0]);
    b->in = arena_alloc(a, b->count, sizeof b->in[0]);
    b->zone_first = arena_alloc(a, (size_t)zones + 1, sizeof b->zone_first[0]);
    b->zone_start = arena_alloc(a, (size_t)zones + 1, sizeof b->zone_start[0]);
    if (b->replica == NULL || b->in == NULL || b->zone_first == NULL || b->zone_start == NULL)
        return -1;
    uint32_t at = 0;
    for (uint32_t z = 0; z < zones; z++) {
        for (uint32_t i = 0; i < per_zone[z]; i++)
            b->replica[at++].zone = (uint16_t)z;
        b->zone_start[z + 1] = at;
        if (b->count > 0 && per_zone[z] == b->count)
            b->only = (uint16_t)z;
    }
    refill(b);
    return 0;
}

/* Those whose time is over may be tried again: one more failure and they are out again. */
static void readmit(struct balance *b, int64_t now_us)
{
    for (uint32_t i = 0; i < b->count; i++) {
        struct balance_replica *r = &b->replica[i];
        if (r->state == BALANCE_OUT && r->until_us <= now_us) {
            r->state = BALANCE_DUE;
            r->failures = b->opts.eject_failures - 1;
        }
    }
    refill(b);
}

/* Lists are sorted by zone, so that avoiding one is skipping a stretch. `first[z]` says where zone
 * z begins; returns how many to skip, and from where. */
static inline uint32_t stretch(const struct balance *b, const uint32_t *first, uint16_t avoid,
                               uint32_t *from)
{
    *from = 0;
    if (avoid >= b->zones || avoid == b->only)
        return 0;
    *from = first[avoid];
    return first[avoid + 1] - first[avoid];
}

static bool may_guess(const struct balance_replica *r, uint16_t avoid, uint16_t away)
{
    return r->state != BALANCE_GONE && r->zone != avoid && r->zone != away;
}

static uint32_t guess(const struct balance *b, uint16_t avoid, uint16_t away, uint32_t nth)
{
    uint32_t at = 0;
    while (!may_guess(&b->replica[at], avoid, away) || nth-- > 0)
        at++;
    return at;
}

/* When all outside `avoid` and `away` are left out: any of them that are there, or else of all.
 * Those left out differ: of two the one that may be tried the sooner is likelier to be back. */
static uint32_t pick_blind(const struct balance *b, uint16_t avoid, uint16_t away, struct rng *rng)
{
    uint32_t there = 0;
    for (uint32_t i = 0; i < b->count; i++)
        there += may_guess(&b->replica[i], avoid, away);
    if (there == 0 && avoid != BALANCE_NO_ZONE)
        return pick_blind(b, BALANCE_NO_ZONE, BALANCE_NO_ZONE, rng);
    if (there == 0)
        return BALANCE_NONE;
    uint32_t first = rng_below(rng, there);
    uint32_t one = guess(b, avoid, away, first);
    if (there == 1 || b->panic)
        return one;
    uint32_t second = rng_below(rng, there - 1);
    uint32_t other = guess(b, avoid, away, second + (second >= first));
    return b->replica[other].until_us < b->replica[one].until_us ? other : one;
}

bool balance_panics(const struct balance *b)
{
    return (double)b->in_count < b->opts.panic * (double)(b->count - b->gone);
}

/* ---- the policies ---- */

struct candidates { /* those who take part, without the zones to avoid */
    const struct balance *b;
    uint32_t count; /* >= 1 */
    uint32_t from, skip;
    bool again;              /* for a second try */
    uint32_t from_2, skip_2; /* behind the first stretch */
};

static uint32_t nth(const struct candidates *c, uint32_t n)
{
    if (n >= c->from)
        n += c->skip;
    return c->b->in[n < c->from_2 ? n : n + c->skip_2];
}

static bool is_better(const struct candidates *c, uint32_t one, uint32_t other)
{
    const struct balance_replica *x = &c->b->replica[one], *y = &c->b->replica[other];
    if (c->again && (x->failures > 0) != (y->failures > 0))
        return y->failures > 0;
    return x->outstanding < y->outstanding;
}

/* The best of so many distinct ones, of equals the first drawn. Each is drawn from those that are
 * left: `drawn` is sorted, and each earlier one at or below it moves it up by one. */
static uint32_t pick_choices(struct balance *b, const struct candidates *c, struct rng *rng)
{
    uint32_t drawn[TOPO_CHOICES_MAX];
    uint32_t best = BALANCE_NONE;
    for (uint32_t i = 0; i < b->opts.choices && i < c->count; i++) {
        uint32_t n = rng_below(rng, c->count - i);
        uint32_t at = 0;
        for (; at < i && drawn[at] <= n; at++)
            n++;
        for (uint32_t k = i; k > at; k--)
            drawn[k] = drawn[k - 1];
        drawn[at] = n;
        uint32_t one = nth(c, n);
        if (best == BALANCE_NONE || is_better(c, one, best))
            best = one;
    }
    return best;
}

/* The same, but one may be drawn twice. */
static uint32_t pick_repeated(struct balance *b, const struct candidates *c, struct rng *rng)
{
    uint32_t best = nth(c, rng_below(rng, c->count));
    for (uint32_t i = 1; i < b->opts.choices; i++) {
        uint32_t one = nth(c, rng_below(rng, c->count));
        if (is_better(c, one, best))
            best = one;
    }
    return best;
}

static uint32_t pick_random(struct balance *b, const struct candidates *c, struct rng *rng)
{
    (void)b;
    return nth(c, rng_below(rng, c->count));
}

static uint32_t pick_round_robin(struct balance *b, const struct candidates *c, struct rng *rng)
{
    (void)rng;
    return nth(c, b->turn++ % c->count);
}

/* The best of all, of equals any: the k-th of them by one draw. It looks at every replica. */
static uint32_t pick_least_loaded(struct balance *b, const struct candidates *c, struct rng *rng)
{
    (void)b;
    uint32_t best = nth(c, 0), equals = 1;
    for (uint32_t i = 1; i < c->count; i++) {
        uint32_t one = nth(c, i);
        bool better = is_better(c, one, best);
        equals = better ? 1 : equals + !is_better(c, best, one);
        best = better ? one : best;
    }
    uint32_t luck = rng_below(rng, equals);
    for (uint32_t i = 0;; i++) {
        uint32_t one = nth(c, i);
        if (!is_better(c, best, one) && luck-- == 0)
            return one;
    }
}

/* ---- the policies by customer and place ---- */

/* A customer's score of a replica: those with the highest serve it. */
static uint64_t score(uint64_t key, uint32_t replica)
{
    uint64_t z = (key ^ (replica * UINT64_C(0x9e3779b97f4a7c15))) + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool takes_part(const struct balance_replica *r)
{
    return r->state == BALANCE_IN || r->state == BALANCE_DUE;
}

static uint32_t pick_hash(const struct balance *b, const struct balance_ask *ask)
{
    uint32_t best = BALANCE_NONE;
    uint64_t most = 0;
    for (uint32_t i = 0; i < b->in_count; i++) {
        uint32_t one = b->in[i];
        uint64_t mine = score(ask->key, one);
        uint16_t zone = b->replica[one].zone;
        bool avoided = (zone == ask->avoid || zone == ask->away) && zone != b->only;
        if (!avoided && (best == BALANCE_NONE || mine > most)) {
            best = one;
            most = mine;
        }
    }
    return best;
}

/* The replicas of a customer's shard that are there; their number. A fixed shard is a stretch that
 * takes every n-th replica, so that it lies in several zones. */
static uint32_t shard_of(const struct balance *b, uint64_t key, uint32_t member[TOPO_SHARD_MAX])
{
    uint32_t size = b->opts.shard, found = 0;
    if (b->opts.policy == TOPO_BALANCE_FIXED) {
        uint32_t shards = b->count / size > 0 ? b->count / size : 1;
        for (uint32_t i = (uint32_t)(score(key, 0) % shards); i < b->count && found < size;
             i += shards)
            if (b->replica[i].state != BALANCE_GONE)
                member[found++] = i;
        return found;
    }
    uint64_t mine[TOPO_SHARD_MAX];
    for (uint32_t i = 0; i < b->count; i++) {
        uint64_t s = score(key, i);
        if (b->replica[i].state == BALANCE_GONE || (found == size && s <= mine[size - 1]))
            continue;
        uint32_t at = found < size ? found++ : size - 1;
        for (; at > 0 && mine[at - 1] < s; at--) {
            mine[at] = mine[at - 1];
            member[at] = member[at - 1];
        }
        mine[at] = s;
        member[at] = i;
    }
    return found;
}

/* The better of two of the shard, of those that take part and are not to be avoided; if there are
 * none of those, of what there is. */
static uint32_t pick_shard(const struct balance *b, const struct balance_ask *ask, struct rng *rng)
{
    uint32_t member[TOPO_SHARD_MAX], good[TOPO_SHARD_MAX], count = 0;
    uint32_t size = shard_of(b, ask->key, member);
    if (size == 0)
        return BALANCE_NONE;
    for (uint32_t i = 0; i < size; i++)
        if (takes_part(&b->replica[member[i]]) && b->replica[member[i]].zone != ask->avoid &&
            b->replica[member[i]].zone != ask->away)
            good[count++] = member[i];
    for (uint32_t i = 0; i < size && count == 0; i++)
        if (takes_part(&b->replica[member[i]]) && b->replica[member[i]].zone != ask->away)
            good[count++] = member[i];
    for (uint32_t i = 0; i < size && count == 0; i++)
        if (takes_part(&b->replica[member[i]]))
            good[count++] = member[i];
    if (count == 0)
        return member[rng_below(rng, size)];
    uint32_t one = good[rng_below(rng, count)];
    uint32_t other = good[rng_below(rng, count)];
    return b->replica[other].outstanding < b->replica[one].outstanding ? other : one;
}

/* ---- by load alone ---- */

static uint32_t (*const policies[])(struct balance *b, const struct candidates *c,
                                    struct rng *rng) = {
    [TOPO_BALANCE_CHOICES] = pick_choices,
    [TOPO_BALANCE_REPEATED] = pick_repeated,
    [TOPO_BALANCE_RANDOM] = pick_random,
    [TOPO_BALANCE_ROUND_ROBIN] = pick_round_robin,
    [TOPO_BALANCE_LEAST_LOADED] = pick_least_loaded,
    [TOPO_BALANCE_NEAR] = pick_choices, /* of those elsewhere */
    [TOPO_BALANCE_HASH] = pick_random,  /* where no customer is known */
    [TOPO_BALANCE_FIXED] = pick_random,
    [TOPO_BALANCE_SHUFFLE] = pick_random,
};

uint32_t balance_pick(struct balance *b, uint16_t avoid, struct rng *rng, int64_t now_us)
{
    if (now_us >= b->trial_us)
        readmit(b, now_us);
    uint32_t from;
    uint32_t skip = stretch(b, b->zone_first, avoid, &from);
    uint32_t n = b->in_count - skip;
    if (__builtin_expect(n == 0 || b->panic, 0))
        return pick_blind(b, avoid, BALANCE_NO_ZONE, rng);
    if (__builtin_expect(!b->plain, 0)) {
        const struct candidates c = {b, n, from, skip, avoid != BALANCE_NO_ZONE, UINT32_MAX, 0};
        return policies[b->opts.policy](b, &c, rng);
    }
    uint64_t luck = rng_u64(rng);
    uint32_t first = (uint32_t)(((luck >> 32) * n) >> 32);
    uint32_t one = b->in[first < from ? first : first + skip];
    if (n == 1)
        return one;
    uint32_t second = (uint32_t)(((luck & UINT32_MAX) * (n - 1)) >> 32);
    second += second >= first;
    uint32_t other = b->in[second < from ? second : second + skip];
    const struct balance_replica *x = &b->replica[one], *y = &b->replica[other];
    if (avoid != BALANCE_NO_ZONE && (x->failures > 0) != (y->failures > 0))
        return x->failures > 0 ? other : one;
    return y->outstanding < x->outstanding ? other : one;
}

/* Outside two zones, which is rare: a second try while another zone is away. */
static uint32_t pick_outside_both(struct balance *b, uint16_t avoid, uint16_t away, struct rng *rng,
                                  int64_t now_us)
{
    if (now_us >= b->trial_us)
        readmit(b, now_us);
    struct candidates c = {.b = b, .again = true};
    c.skip = stretch(b, b->zone_first, avoid < away ? avoid : away, &c.from);
    c.skip_2 = stretch(b, b->zone_first, avoid < away ? away : avoid, &c.from_2);
    c.count = b->in_count - c.skip - c.skip_2;
    if (c.count == 0 || b->panic)
        return pick_blind(b, avoid, away, rng);
    return policies[b->opts.policy](b, &c, rng);
}

static inline uint32_t pick_outside(struct balance *b, const struct balance_ask *ask,
                                    struct rng *rng, int64_t now_us)
{
    if (__builtin_expect(ask->away != BALANCE_NO_ZONE, 0))
        return pick_outside_both(b, ask->avoid, ask->away, rng, now_us);
    return balance_pick(b, ask->avoid, rng, now_us);
}

static uint32_t pick_near(struct balance *b, const struct balance_ask *ask, struct rng *rng,
                          int64_t now_us)
{
    uint32_t afar = pick_outside(b, ask, rng, now_us);
    if (ask->near >= b->zones || ask->near == ask->avoid || ask->near == ask->away || b->panic)
        return afar;
    uint32_t from = b->zone_first[ask->near], n = b->zone_first[ask->near + 1] - from;
    if (n == 0)
        return afar;
    uint32_t one = b->in[from + rng_below(rng, n)];
    uint32_t other = b->in[from + rng_below(rng, n)];
    const struct balance_replica *r = b->replica;
    one = r[other].outstanding < r[one].outstanding ? other : one;
    return r[one].outstanding > r[afar].outstanding + b->opts.spill ? afar : one;
}

/* The same with two zones to avoid only where there are two, and replicas outside both. */
static struct balance_ask narrowed(const struct balance *b, const struct balance_ask *ask)
{
    struct balance_ask one = *ask;
    bool both = ask->avoid != BALANCE_NO_ZONE && ask->avoid != ask->away;
    for (uint32_t i = 0; i < b->count && both; i++)
        if (may_guess(&b->replica[i], ask->avoid, ask->away))
            return one;
    one.avoid = ask->away;
    one.away = BALANCE_NO_ZONE;
    return one;
}

uint32_t balance_pick_for(struct balance *b, const struct balance_ask *ask, struct rng *rng,
                          int64_t now_us)
{
    struct balance_ask one;
    if (__builtin_expect(ask->away != BALANCE_NO_ZONE, 0)) {
        one = narrowed(b, ask);
        ask = &one;
    }
    if (b->plain)
        return pick_outside(b, ask, rng, now_us);
    if (now_us >= b->trial_us)
        readmit(b, now_us);
    uint32_t hashed;
    switch (b->opts.policy) {
    case TOPO_BALANCE_NEAR:
        return pick_near(b, ask, rng, now_us);
    case TOPO_BALANCE_HASH:
        hashed = b->panic ? BALANCE_NONE : pick_hash(b, ask);
        return hashed != BALANCE_NONE ? hashed : pick_blind(b, ask->avoid, ask->away, rng);
    case TOPO_BALANCE_FIXED:
    case TOPO_BALANCE_SHUFFLE:
        return pick_shard(b, ask, rng);
    default:
        return pick_outside(b, ask, rng, now_us);
    }
}

void balance_present(struct balance *b, uint32_t replica, bool present)
{
    struct balance_replica *r = &b->replica[replica];
    if (present == (r->state != BALANCE_GONE))
        return;
    r->state = present ? BALANCE_IN : BALANCE_GONE;
    r->failures = 0;
    if (present)
        b->gone--;
    else
        b->gone++;
    refill(b);
}

void balance_sent(struct balance *b, uint32_t replica)
{
    struct balance_replica *r = &b->replica[replica];
    r->outstanding++;
    if (r->state == BALANCE_DUE) {
        r->state = BALANCE_TRIAL;
        refill(b);
    }
}

/* One on trial takes part again. One that is left out does not: the answer may be to what was sent
 * before. */
static void answered(struct balance *b, struct balance_replica *r, int64_t now_us)
{
    r->failures = 0;
    if (r->state == BALANCE_DUE || r->state == BALANCE_TRIAL) {
        r->state = BALANCE_IN;
        r->until_us = now_us + b->opts.eject_us;
        refill(b);
    }
}

static void failed(struct balance *b, struct balance_replica *r, int64_t now_us)
{
    r->failures++;
    if (r->failures < b->opts.eject_failures || r->state == BALANCE_OUT || r->state == BALANCE_GONE)
        return;
    if (r->state == BALANCE_IN && now_us >= r->until_us)
        r->times = 0;
    r->until_us = now_us + backoff_eject_us(b->opts.eject_us, r->times);
    r->times += r->times < BACKOFF_TIMES_MAX;
    r->state = BALANCE_OUT;
    refill(b);
}

void balance_ended(struct balance *b, uint32_t replica, enum balance_outcome outcome,
                   int64_t now_us)
{
    struct balance_replica *r = &b->replica[replica];
    assert(r->outstanding > 0);
    r->outstanding--;
    if (outcome == BALANCE_LEFT) {
        if (r->state == BALANCE_TRIAL) { /* another one must tell */
            r->state = BALANCE_DUE;
            refill(b);
        }
        return;
    }
    if (outcome == BALANCE_ANSWERED)
        answered(b, r, now_us);
    else
        failed(b, r, now_us);
}
