#include "region/peers.h"

#include <assert.h>

#include "base/backoff.h"

void peers_init(struct peers *p, const struct peers_opts *opts)
{
    assert(opts->zones >= 1 && opts->zones <= TOPO_ZONES_MAX);
    assert(opts->own < opts->zones);
    assert(opts->eject_failures >= 1);
    *p = (struct peers){.opts = *opts};
}

/* It is left out, for longer each time until it answers. */
static void leave_out(struct peers *p, size_t zone, int64_t now_us)
{
    p->peer[zone].until_us = now_us + backoff_eject_us(p->opts.eject_us, p->peer[zone].times);
    p->peer[zone].times += p->peer[zone].times < BACKOFF_TIMES_MAX;
}

size_t peers_pick(struct peers *p, uint32_t tried, int64_t now_us)
{
    size_t guess = p->opts.zones;
    for (size_t i = 0; i < p->opts.zones; i++) {
        size_t zone = (p->opts.own + i) % p->opts.zones;
        if ((tried >> zone & 1) != 0)
            continue;
        bool out = p->peer[zone].failures >= p->opts.eject_failures;
        if (!out || p->peer[zone].until_us <= now_us) {
            if (out) /* its trial: the others go elsewhere until that has ended */
                leave_out(p, zone, now_us);
            return zone;
        }
        if (guess == p->opts.zones || p->peer[zone].until_us < p->peer[guess].until_us)
            guess = zone;
    }
    return guess < p->opts.zones ? guess : p->opts.own;
}

uint32_t peers_tried(const struct peers *p, uint32_t tried, size_t zone)
{
    uint32_t one = (uint32_t)1 << zone, all = ((uint32_t)1 << p->opts.zones) - 1;
    return (tried | one) == all ? one : tried | one;
}

void peers_ended(struct peers *p, size_t zone, bool answered, int64_t now_us)
{
    assert(zone < p->opts.zones);
    if (answered) {
        p->peer[zone].failures = p->peer[zone].times = 0;
        return;
    }
    bool out = p->peer[zone].failures >= p->opts.eject_failures;
    if (p->peer[zone].failures < UINT32_MAX)
        p->peer[zone].failures++;
    if (!out && p->peer[zone].failures >= p->opts.eject_failures)
        leave_out(p, zone, now_us);
}
