#include "control/route.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/backoff.h"
#include "base/deadline.h"
#include "base/topo.h"
#include "control/shift.h"

struct route_opts route_opts_of(const struct topo_policy *policy, double rps)
{
    return (struct route_opts){
        .balance = balance_opts_of(policy),
        .hedge = {policy->hedge_quantile, policy->hedge},
        .breaker = {policy->breaker, policy->breaker_us},
        .rps = rps,
        .timeout_us = policy->timeout_us,
        .backoff_us = policy->backoff_us,
        .tries = (uint32_t)policy->tries,
    };
}

int route_init(struct route_group *g, const struct route_opts *opts, const uint32_t *per_zone,
               uint32_t zones, struct retry *retry, const struct rng *rng, int64_t now_us,
               struct arena *a)
{
    assert(opts->tries >= 1 && opts->tries <= 1000);
    assert(opts->timeout_us > 0);
    *g = (struct route_group){
        .hedge = hedge_none_seen(&opts->hedge, opts->rps),
        .breaker = breaker_closed(&opts->breaker, now_us),
        .rng = *rng,
        .retry = retry,
        .timeout_us = opts->timeout_us,
        .backoff_us = opts->backoff_us,
        .tries = opts->tries,
    };
    return balance_init(&g->balance, &opts->balance, per_zone, zones, a);
}

void route_present(struct route_group *g, uint32_t replica, bool present)
{
    struct balance *b = &g->balance;
    bool any = false;
    b->replica[replica].withdrawn = !present;
    for (uint32_t i = 0; i < b->count; i++)
        any = any || !b->replica[i].withdrawn;
    for (uint32_t i = 0; i < b->count; i++)
        balance_present(b, i, !(any && b->replica[i].withdrawn));
}

/* ---- choices ---- */

static inline struct route_choice choose(enum route_act act, enum route_rule rule, int64_t measured,
                                         int64_t limit)
{
    return (struct route_choice){
        .act = (uint16_t)act,
        .rule = (uint16_t)rule,
        .avoid = BALANCE_NO_ZONE,
        .away = BALANCE_NO_ZONE,
        .replica = BALANCE_NONE,
        .hedge_us = INT64_MAX,
        .measured = measured,
        .limit = limit,
    };
}

static uint32_t there(const struct balance *b)
{
    return b->count - b->gone;
}

/* Why it was this one. Before it is told that it was sent something. */
static enum route_rule rule_of(const struct route_group *g, const struct balance_replica *picked,
                               const struct balance_ask *ask)
{
    if (picked->zone == ask->avoid || picked->zone == ask->away)
        return ROUTE_SAME_ZONE;
    if (picked->state == BALANCE_DUE)
        return ROUTE_TRIAL;
    if (g->balance.panic)
        return ROUTE_PANIC;
    if (picked->state != BALANCE_IN)
        return ROUTE_BLIND;
    if (ask->avoid != BALANCE_NO_ZONE)
        return ROUTE_ELSEWHERE;
    return ask->away != BALANCE_NO_ZONE ? ROUTE_SHIFTED : ROUTE_PICKED;
}

/* Pick a replica, outside the zone that `failed` if that is one. WAIT for `out`, where it is out.
 */
static inline struct route_choice pick(struct route_group *g, const struct route_request *r,
                                       uint16_t failed, uint32_t out, int64_t now_us)
{
    struct balance *b = &g->balance;
    bool again = failed != BALANCE_NO_ZONE;
    const struct balance_ask ask = {
        .avoid = failed,
        .away = g->shift == NULL ? BALANCE_NO_ZONE : shift_avoids(g->shift, again, &g->rng, now_us),
        .near = r->near,
        .key = r->key,
    };
    uint32_t replica = balance_pick_for(b, &ask, &g->rng, now_us);
    if (replica == BALANCE_NONE)
        return choose(ROUTE_STOP, ROUTE_NOBODY, there(b), 1);
    if (replica == out)
        return choose(ROUTE_WAIT, ROUTE_ALONE, there(b), 2);
    const struct balance_replica *picked = &b->replica[replica];
    enum route_rule rule = rule_of(g, picked, &ask);
    bool counts = rule == ROUTE_BLIND || rule == ROUTE_PANIC || rule == ROUTE_SAME_ZONE;
    struct route_choice choice =
        choose(ROUTE_SEND, rule, counts ? b->in_count : picked->outstanding, counts ? there(b) : 0);
    choice.avoid = ask.avoid;
    choice.away = ask.away;
    choice.replica = replica;
    balance_sent(b, replica);
    return choice;
}

struct route_choice route_begin(struct route_group *g, struct route_request *r, int64_t now_us)
{
    r->tries = r->trials = 0;
    r->avoid = BALANCE_NO_ZONE;
    r->replica = r->copy = BALANCE_NONE;
    retry_earn(g->retry);
    hedge_begin(&g->hedge);
    return route_try(g, r, now_us);
}

struct route_choice route_try(struct route_group *g, struct route_request *r, int64_t now_us)
{
    assert(r->replica == BALANCE_NONE && r->copy == BALANCE_NONE);
    if (deadline_passed(r->deadline_us, now_us))
        return choose(ROUTE_STOP, ROUTE_DEADLINE, 0, 1);
    if (!breaker_allows(&g->breaker, &g->rng, now_us))
        return choose(ROUTE_STOP, ROUTE_BREAKER,
                      (int64_t)(breaker_sees(&g->breaker, now_us).refused * 1e6), 0);
    struct route_choice choice = pick(g, r, r->avoid, BALANCE_NONE, now_us);
    if (choice.act != ROUTE_SEND)
        return choice;
    r->tries++;
    r->trials |= choice.rule == ROUTE_TRIAL;
    r->replica = choice.replica;
    r->sent_us = now_us;
    choice.wait_us = deadline_wait(r->deadline_us, now_us, g->timeout_us);
    int64_t hedge_us = hedge_wait_us(&g->hedge);
    if (hedge_us < choice.wait_us)
        choice.hedge_us = hedge_us;
    return choice;
}

struct route_choice route_hedge(struct route_group *g, struct route_request *r, int64_t now_us)
{
    assert(r->replica != BALANCE_NONE && r->copy == BALANCE_NONE);
    int64_t waited_us = now_us - r->sent_us, usual_us = hedge_wait_us(&g->hedge);
    int64_t left_us = deadline_wait(r->deadline_us, now_us, g->timeout_us - waited_us);
    if (left_us <= 0)
        return choose(ROUTE_WAIT, ROUTE_DEADLINE, left_us, 1);
    if (!hedge_allowed(&g->hedge))
        return choose(ROUTE_WAIT, ROUTE_HEDGES_SPENT, g->hedge.budget.have, RETRY_TOKEN);
    struct route_choice choice =
        pick(g, r, g->balance.replica[r->replica].zone, r->replica, now_us);
    if (choice.act != ROUTE_SEND) {
        choice.act = ROUTE_WAIT;
        return choice;
    }
    if (choice.rule == ROUTE_ELSEWHERE) {
        choice.rule = ROUTE_SLOW;
        choice.measured = waited_us;
        choice.limit = usual_us;
    }
    r->copy = choice.replica;
    choice.wait_us = left_us;
    return choice;
}

/* ---- outcomes ---- */

enum route_outcome route_outcome_of(int status)
{
    switch (status) {
    case 503:
        return ROUTE_SHED;
    case 500:
    case 502:
    case 504:
        return ROUTE_ERROR;
    default:
        return ROUTE_GOOD;
    }
}

static enum balance_outcome tell(enum route_outcome outcome)
{
    if (outcome == ROUTE_UNSENT)
        return BALANCE_LEFT;
    return outcome == ROUTE_GOOD || outcome == ROUTE_SHED ? BALANCE_ANSWERED : BALANCE_FAILED;
}

/* A try has failed, and nothing is out any more. */
static struct route_choice repeat(struct route_group *g, struct route_request *r, uint16_t zone,
                                  int64_t now_us)
{
    if (deadline_passed(r->deadline_us, now_us))
        return choose(ROUTE_STOP, ROUTE_DEADLINE, 0, 1);
    uint32_t counted = r->tries - r->trials;
    if (counted >= g->tries)
        return choose(ROUTE_STOP, ROUTE_TRIES, counted, g->tries);
    if (!retry_allowed(g->retry, counted, g->tries))
        return choose(ROUTE_STOP, ROUTE_BUDGET, g->retry->have, RETRY_TOKEN);
    int64_t delay_us = backoff_delay_us(g->backoff_us, INT64_MAX, r->tries, &g->rng);
    int64_t left_us = deadline_left(r->deadline_us, now_us);
    if (delay_us >= left_us)
        return choose(ROUTE_STOP, ROUTE_DEADLINE, left_us, delay_us + 1);
    struct route_choice choice = choose(ROUTE_RETRY, ROUTE_AGAIN, counted, g->tries);
    choice.wait_us = delay_us;
    choice.avoid = r->avoid = zone;
    return choice;
}

struct route_choice route_end(struct route_group *g, struct route_request *r, uint32_t replica,
                              enum route_outcome outcome, int64_t now_us)
{
    assert(replica == r->replica || replica == r->copy);
    uint32_t other = replica == r->copy ? r->replica : r->copy;
    balance_ended(&g->balance, replica, tell(outcome), now_us);
    if (outcome == ROUTE_GOOD)
        hedge_seen(&g->hedge, now_us - r->sent_us);
    if (other != BALANCE_NONE && outcome != ROUTE_GOOD && outcome != ROUTE_UNSENT) {
        r->replica = other;
        r->copy = BALANCE_NONE;
        return choose(ROUTE_WAIT, ROUTE_OTHER_OUT, 0, 0);
    }
    if (other != BALANCE_NONE)
        balance_ended(&g->balance, other, BALANCE_LEFT, now_us);
    r->replica = r->copy = BALANCE_NONE;
    if (outcome == ROUTE_GOOD || outcome == ROUTE_ERROR)
        breaker_accepted(&g->breaker, now_us);
    if (outcome != ROUTE_GOOD && outcome != ROUTE_UNSENT)
        return repeat(g, r, g->balance.replica[replica].zone, now_us);
    struct route_choice choice =
        choose(ROUTE_ANSWER, outcome == ROUTE_GOOD ? ROUTE_ANSWERED : ROUTE_NOT_SENT, 0, 0);
    choice.replica = other;
    return choice;
}

void route_leave(struct route_group *g, struct route_request *r, int64_t now_us)
{
    if (r->replica != BALANCE_NONE)
        balance_ended(&g->balance, r->replica, BALANCE_LEFT, now_us);
    if (r->copy != BALANCE_NONE)
        balance_ended(&g->balance, r->copy, BALANCE_LEFT, now_us);
    r->replica = r->copy = BALANCE_NONE;
}

/* ---- in words ---- */

enum unit { NOTHING, COUNT, US, TOKENS, SHARE };

/* What is said before the number that was measured, before its limit, and behind. */
static const struct {
    enum unit unit, limit;
    const char *before, *between, *behind;
} words[ROUTE_RULES] = {
    [ROUTE_PICKED] = {COUNT, NOTHING, "picked, ", " under way there", ""},
    [ROUTE_ELSEWHERE] = {COUNT, NOTHING, "picked in another zone, ", " under way there", ""},
    [ROUTE_SHIFTED] = {COUNT, NOTHING, "picked outside the zone that is taken out, ",
                       " under way there", ""},
    [ROUTE_TRIAL] = {COUNT, NOTHING, "left out long enough, and one try tells, ",
                     " under way there", ""},
    [ROUTE_BLIND] = {COUNT, COUNT, "all that may be asked are left out, ", " of ", " take part"},
    [ROUTE_PANIC] = {COUNT, COUNT, "failures are ignored, as only ", " of ", " take part"},
    [ROUTE_SAME_ZONE] = {COUNT, COUNT, "there is no other zone, ", " of ", " take part"},
    [ROUTE_SLOW] = {US, US, "slow after ", ", usual is ", ""},
    [ROUTE_OTHER_OUT] = {NOTHING, NOTHING, "another copy may still answer", "", ""},
    [ROUTE_HEDGES_SPENT] = {TOKENS, TOKENS, "the budget of second copies has ", " of ", " token"},
    [ROUTE_ALONE] = {COUNT, COUNT, "no second copy with ", " replica, ", " needed"},
    [ROUTE_AGAIN] = {COUNT, COUNT, "it failed in try ", " of ", ""},
    [ROUTE_ANSWERED] = {NOTHING, NOTHING, "answered", "", ""},
    [ROUTE_NOT_SENT] = {NOTHING, NOTHING, "it cannot be sent", "", ""},
    [ROUTE_TRIES] = {COUNT, COUNT, "", " of ", " tries made"},
    [ROUTE_BUDGET] = {TOKENS, TOKENS, "the retry budget has ", " of ", " token"},
    [ROUTE_DEADLINE] = {US, US, "nobody waits so long, ", " left, ", " needed"},
    [ROUTE_BREAKER] = {SHARE, NOTHING, "the breaker refuses ", " of the requests", ""},
    [ROUTE_NOBODY] = {NOTHING, NOTHING, "there is no replica", "", ""},
};

static void say_number(char out[32], enum unit unit, int64_t number)
{
    out[0] = '\0';
    if (unit == COUNT)
        snprintf(out, 32, "%lld", (long long)number);
    else if (unit == US)
        snprintf(out, 32, "%.1f ms", (double)number / 1000);
    else if (unit == TOKENS)
        snprintf(out, 32, "%.2f", (double)number / RETRY_TOKEN);
    else if (unit == SHARE)
        snprintf(out, 32, "%.1f %%", (double)number / 1e4);
}

void route_say(const struct route_choice *choice, char out[ROUTE_WORDS_MAX])
{
    char measured[32], limit[32];
    size_t rule = choice->rule < ROUTE_RULES ? choice->rule : ROUTE_NOT_SENT;
    say_number(measured, words[rule].unit, choice->measured);
    say_number(limit, words[rule].limit, choice->limit);
    snprintf(out, ROUTE_WORDS_MAX, "%s%s%s%s%s", words[rule].before, measured, words[rule].between,
             limit, words[rule].behind);
}
