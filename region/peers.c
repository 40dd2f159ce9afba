#include "region/peers.h"

#include <assert.h>

void peers_init(struct peers *p, const struct peers_opts *opts)
{
    assert(opts->zones >= 1 && opts->zones <= TOPO_ZONES_MAX);
    assert(opts->own < opts->zones);
    assert(opts->eject_failures >= 1);
    *p = (struct peers){.opts = *opts};
}

size_t peers_pick(struct peers *p, size_t failed, int64_t now_us)
{
    size_t guess = failed != PEERS_NONE ? failed : p->opts.own;
    bool guessed = false;
    for (size_t i = 0; i < p->opts.zones; i++) {
        size_t zone = (p->opts.own + i) % p->opts.zones;
        if (zone == failed)
            continue;
        bool out = p->peer[zone].failures >= p->opts.eject_failures;
        if (!out || p->peer[zone].until_us <= now_us) {
            if (out) /* its trial: the others go elsewhere until that has ended */
                p->peer[zone].until_us = now_us + p->opts.eject_us;
            return zone;
        }
        if (!guessed)
            guess = zone;
        guessed = true;
    }
    return guess;
}

void peers_ended(struct peers *p, size_t zone, bool answered, int64_t now_us)
{
    assert(zone < p->opts.zones);
    if (answered) {
        p->peer[zone].failures = 0;
        return;
    }
    if (p->peer[zone].failures < UINT32_MAX)
        p->peer[zone].failures++;
    if (p->peer[zone].failures >= p->opts.eject_failures)
        p->peer[zone].until_us = now_us + p->opts.eject_us;
}
