#include "simulator/gossip_net.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

enum { KIND_WAKE, KIND_ARRIVE, KIND_NAP };

static const uint32_t NONE = UINT32_MAX;

struct gossip_net_member {
    struct gossip gossip;
    int64_t wake_us; /* when its event is, INT64_MAX for none */
    int64_t nap_us;  /* 0: awake */
    uint32_t wakes;  /* generation of KIND_WAKE */
    uint32_t naps;   /* generation of KIND_NAP */
    uint32_t letter; /* the first that waits for it to wake, NONE */
    uint32_t letter_last;
    bool runs;
    bool is_cut; /* its zone */
};

struct gossip_net_packet {
    uint32_t next; /* free, or waiting */
    uint16_t to;
    uint16_t len;
    uint8_t bytes[GOSSIP_BYTES_MAX];
};

/* ---- counting ---- */

static void count_time(struct gossip_net *net)
{
    int64_t now = gossip_net_now(net);
    net->counts.member_us += (now - net->counted_us) * net->running;
    net->counted_us = now;
}

static void trace(void *context, const struct gossip_record *r)
{
    struct gossip_net *net = context;
    const struct gossip_net_member *of = &net->member[r->member];
    const struct gossip_net_member *by = &net->member[r->self];
    if (r->event == GOSSIP_SUSPECTS)
        net->counts.suspected += of->runs;
    if (r->event == GOSSIP_BURIES && of->is_cut == by->is_cut)
        net->counts.killed += of->runs;
    else if (r->event == GOSSIP_BURIES)
        net->counts.cut_killed += of->runs;
    if (net->opts.trace != NULL)
        net->opts.trace(net->opts.context, r);
}

/* ---- packets ---- */

static void packet_release(struct gossip_net *net, uint32_t i)
{
    net->packet[i].next = net->packet_free;
    net->packet_free = i;
}

static int64_t delay_us(struct gossip_net *net, uint8_t from, uint8_t to)
{
    int64_t most = from == to ? net->opts.near_us : net->opts.far_us;
    return most - rng_below(&net->rng, (uint32_t)(most / 2 + 1));
}

static void post(struct gossip_net *net, const struct gossip_net_member *from,
                 const struct gossip_letter *letter)
{
    const struct gossip_net_member *to = &net->member[letter->to];
    net->counts.sent++;
    net->counts.bytes += gossip_bytes(letter->msg.count);
    if ((from->is_cut || to->is_cut) && from->gossip.opts.zone != letter->to % net->opts.zones) {
        net->counts.cut++;
        return;
    }
    bool is_lost = net->opts.loss > 0 && rng_f64(&net->rng) < net->opts.loss;
    if (is_lost || net->packet_free == NONE) {
        net->counts.lost += is_lost;
        net->counts.overflow += !is_lost;
        return;
    }
    uint32_t i = net->packet_free;
    struct gossip_net_packet *p = &net->packet[i];
    net->packet_free = p->next;
    p->next = NONE;
    p->to = letter->to;
    p->len = (uint16_t)gossip_encode(p->bytes, &letter->msg);
    uint8_t zone = (uint8_t)(letter->to % net->opts.zones);
    engine_after(&net->engine, delay_us(net, from->gossip.opts.zone, zone), KIND_ARRIVE, i);
}

/* ---- members ---- */

static void schedule(struct gossip_net *net, uint16_t member)
{
    struct gossip_net_member *m = &net->member[member];
    int64_t due = gossip_deadline_us(&m->gossip);
    int64_t now = gossip_net_now(net);
    if (m->nap_us > 0 || !m->runs || due == m->wake_us)
        return;
    if (m->wake_us != INT64_MAX)
        engine_cancel(&net->engine, KIND_WAKE, member);
    m->wake_us = due;
    engine_at(&net->engine, due < now ? now : due, KIND_WAKE, member);
}

static void post_all(struct gossip_net *net, uint16_t member)
{
    for (size_t i = 0; i < net->out.count; i++)
        post(net, &net->member[member], &net->out.letter[i]);
}

static void step(struct gossip_net *net, uint16_t member, const struct gossip_msg *in)
{
    gossip_step(&net->member[member].gossip, gossip_net_now(net), in, &net->out);
    post_all(net, member);
}

static void on_wake(void *world, const struct event *event)
{
    struct gossip_net *net = world;
    uint16_t member = (uint16_t)event->who;
    net->member[member].wake_us = INT64_MAX;
    step(net, member, NULL);
    schedule(net, member);
}

static void read_packet(struct gossip_net *net, uint32_t i)
{
    struct gossip_net_packet *p = &net->packet[i];
    uint16_t to = p->to;
    struct error err;
    int status = gossip_decode(&net->in, p->bytes, p->len, &err);
    assert(status == 0); /* it came out of the encoder */
    packet_release(net, i);
    step(net, to, &net->in);
}

static void on_arrive(void *world, const struct event *event)
{
    struct gossip_net *net = world;
    struct gossip_net_packet *p = &net->packet[event->who];
    struct gossip_net_member *m = &net->member[p->to];
    uint16_t to = p->to;
    if (!m->runs) {
        packet_release(net, event->who);
    } else if (m->nap_us == 0) {
        read_packet(net, event->who);
        schedule(net, to);
    } else {
        if (m->letter == NONE)
            m->letter = event->who;
        else
            net->packet[m->letter_last].next = event->who;
        m->letter_last = event->who;
        p->next = NONE;
    }
}

static void step_if_due(struct gossip_net *net, uint16_t member)
{
    if (gossip_deadline_us(&net->member[member].gossip) <= gossip_net_now(net))
        step(net, member, NULL);
}

static void read_letters(struct gossip_net *net, uint16_t member)
{
    struct gossip_net_member *m = &net->member[member];
    uint32_t next = m->letter;
    m->letter = NONE;
    while (next != NONE) {
        uint32_t i = next;
        next = net->packet[i].next;
        read_packet(net, i);
    }
}

static void on_nap(void *world, const struct event *event)
{
    struct gossip_net *net = world;
    uint16_t member = (uint16_t)event->who;
    step_if_due(net, member);
    read_letters(net, member);
    step_if_due(net, member);
    engine_after(&net->engine, net->member[member].nap_us, KIND_NAP, member);
}

/* ---- setting up ---- */

static int member_init(struct gossip_net *net, uint16_t member, int64_t life)
{
    struct gossip_opts opts = net->opts.gossip;
    struct gossip_net_member *m = &net->member[member];
    struct rng rng;
    char name[32] = {'g', (char)('0' + member / 10000), (char)('0' + member / 1000 % 10)};
    for (int i = 3, div = 100; div > 0; div /= 10)
        name[i++] = (char)('0' + member / div % 10);
    opts.self = member;
    opts.zone = (uint8_t)(member % net->opts.zones);
    opts.members_max = net->opts.members;
    opts.trace = trace;
    opts.context = net;
    rng_named(&rng, net->opts.seed + (uint64_t)life, net->opts.replication, name, "gossip");
    m->runs = true;
    m->wake_us = INT64_MAX;
    m->letter = NONE;
    return gossip_init(&m->gossip, &opts, &rng, net->arena, gossip_net_now(net));
}

static void introduce(struct gossip_net *net, uint16_t awake)
{
    for (uint16_t i = 0; i < awake; i++) {
        for (uint16_t k = 0; k < awake; k++)
            gossip_know(&net->member[i].gossip, k, (uint8_t)(k % net->opts.zones), 0);
        schedule(net, i);
    }
    net->running = awake;
}

int gossip_net_init(struct gossip_net *net, const struct gossip_net_opts *opts, struct arena *a,
                    struct error *err)
{
    assert(opts->members >= 2 && opts->members <= GOSSIP_MEMBERS_MAX);
    assert(opts->zones >= 1 && opts->zones <= GOSSIP_ZONES_MAX);
    assert(opts->asleep < opts->members && opts->packets_max > 0);
    uint32_t pending = opts->packets_max + 2U * opts->members + 16;
    *net = (struct gossip_net){.opts = *opts, .arena = a};
    net->member = arena_alloc(a, opts->members, sizeof net->member[0]);
    net->packet = arena_alloc(a, opts->packets_max, sizeof net->packet[0]);
    if (net->member == NULL || net->packet == NULL)
        return error_memory(err);
    if (engine_init(&net->engine, &(struct engine_opts){.pending_max = pending}, a, err) != 0)
        return -1;
    size_t stride = sizeof net->member[0];
    engine_kind(&net->engine, KIND_WAKE, "wake", on_wake, &net->member[0].wakes, stride);
    engine_kind(&net->engine, KIND_ARRIVE, "arrive", on_arrive, NULL, 0);
    engine_kind(&net->engine, KIND_NAP, "nap", on_nap, &net->member[0].naps, stride);
    rng_named(&net->rng, opts->seed, opts->replication, "net", "gossip");
    net->packet_free = NONE;
    for (uint32_t i = opts->packets_max; i-- > 0;)
        packet_release(net, i);
    uint16_t awake = opts->members - opts->asleep;
    for (uint16_t i = 0; i < awake; i++)
        if (member_init(net, i, 0) != 0)
            return error_memory(err);
    introduce(net, awake);
    return 0;
}

/* ---- what happens to them ---- */

void gossip_net_run(struct gossip_net *net, int64_t until_us)
{
    enum engine_end end = engine_run(&net->engine, net, until_us);
    assert(end == ENGINE_TIME || end == ENGINE_EMPTY); /* pending_max holds whatever there can be */
    count_time(net);
}

static void stop(struct gossip_net *net, uint16_t member)
{
    struct gossip_net_member *m = &net->member[member];
    assert(m->runs);
    count_time(net);
    for (uint32_t next; m->letter != NONE; m->letter = next) {
        next = net->packet[m->letter].next;
        packet_release(net, m->letter);
    }
    gossip_net_nap(net, member, 0);
    m->runs = false;
    net->running--;
    if (m->wake_us != INT64_MAX)
        engine_cancel(&net->engine, KIND_WAKE, member);
    m->wake_us = INT64_MAX;
}

void gossip_net_crash(struct gossip_net *net, uint16_t member)
{
    stop(net, member);
}

int gossip_net_start(struct gossip_net *net, uint16_t member, uint16_t seed)
{
    assert(!net->member[member].runs);
    count_time(net);
    if (member_init(net, member, gossip_net_now(net)) != 0)
        return -1;
    net->running++;
    gossip_join(&net->member[member].gossip, &seed, 1, gossip_net_now(net), &net->out);
    post_all(net, member);
    schedule(net, member);
    return 0;
}

void gossip_net_leave(struct gossip_net *net, uint16_t member)
{
    gossip_leave(&net->member[member].gossip, gossip_net_now(net), &net->out);
    post_all(net, member);
    stop(net, member);
}

void gossip_net_cut(struct gossip_net *net, uint8_t zone, bool is_cut)
{
    for (uint16_t i = 0; i < net->opts.members; i++)
        if (i % net->opts.zones == zone)
            net->member[i].is_cut = is_cut;
}

void gossip_net_nap(struct gossip_net *net, uint16_t member, int64_t nap_us)
{
    struct gossip_net_member *m = &net->member[member];
    if (m->nap_us > 0)
        engine_cancel(&net->engine, KIND_NAP, member);
    else if (nap_us > 0 && m->wake_us != INT64_MAX)
        engine_cancel(&net->engine, KIND_WAKE, member);
    m->wake_us = INT64_MAX;
    m->nap_us = nap_us;
    if (nap_us > 0) {
        engine_after(&net->engine, nap_us, KIND_NAP, member);
        return;
    }
    read_letters(net, member);
    schedule(net, member);
}

/* ---- looking ---- */

const struct gossip *gossip_net_at(const struct gossip_net *net, uint16_t member)
{
    return &net->member[member].gossip;
}

uint16_t gossip_net_hold(const struct gossip_net *net, uint16_t member, enum gossip_state state)
{
    uint16_t count = 0;
    for (uint16_t i = 0; i < net->opts.members; i++)
        if (i != member && net->member[i].runs)
            count += gossip_state_of(&net->member[i].gossip, member) == state;
    return count;
}
