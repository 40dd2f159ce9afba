#include "simulator/station.h"

#include <assert.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "control/balance.h"
#include "simulator/engine.h"

enum { ARRIVAL, COMPLETION };
enum { WAITING_MAX = 8192, WAITING_EACH = 16 };
#define NONE UINT32_MAX

static const double ticks = 1e9; /* in a mean service time */

struct customer { /* one that waits */
    int64_t arrived;
    int64_t service;
    int64_t gap;  /* to the next arrival */
    int64_t work; /* that it found in the whole system */
    uint32_t next;
};

struct queue {
    uint32_t first, last;
    uint32_t busy;
};

struct flow {           /* arrivals, or completions; by weight */
    double jumps[2];    /* sums over them */
    double expected[2]; /* of weight times rate, over time */
};

/* The order of the controls. */
enum {
    DRAWS_SERVICE,
    DRAWS_GAP,
    DRAWS_SERVICE_SQUARED,
    DRAWS_GAP_SQUARED,
    FLOW_IN, /* and the next, by weight */
    FLOW_OUT = FLOW_IN + 2,
    WAIT_SERVICE = FLOW_OUT + 2,
    WAIT_GAP,
    WORK_SERVICE,
    WORK_GAP,
    WAITED_SERVICE,
    WAITED_GAP,
    BLIND,
};

static_assert((int)FLOW_IN == STATION_DRAWS, "the draws come first");
static_assert((int)BLIND + 1 == STATION_CONTROLS, "there are as many as the header says");

struct station {
    struct engine engine;
    struct rng arrivals, services, choices;
    struct dist service;
    struct balance balance;
    uint32_t stations, servers;
    double gap_ticks;
    double cs2;
    int64_t time;    /* up to which it has passed */
    int64_t work;    /* that is left then, */
    int64_t busy;    /* by so many servers; */
    int64_t number;  /* so many customers are in the system */
    int64_t begun;   /* customers; the first of those counted is number 0 */
    int64_t counted; /* once so many have, it is over */
    bool memoryless; /* service times are exponential, so flows can be weighed */
    double *weight;  /* of the number in the system, below servers */
    struct flow in, out;
    struct station_sample sum;
    struct queue *queue;
    struct customer *customer;
    uint32_t waiting_max;
    uint32_t used; /* those above have never waited */
    uint32_t free; /* those below that do not wait, linked by `next` */
    bool full;
};

/* The two weights of a change in the number in the system, near to what theory finds best (the
 * solution of Poisson's equation). One station: how much longer it takes from there to the next
 * higher number, up to where one waits; and how many wait. Several: the number and its square. */
static inline void weigh(const struct station *s, int64_t number, double weight[2])
{
    if (s->stations > 1) {
        double each = (double)number / s->stations;
        weight[0] = each;
        weight[1] = each * each;
        return;
    }
    weight[0] = number < s->servers ? s->weight[number] : 1;
    weight[1] = number < s->servers ? 0 : (double)(number - s->servers + 1);
}

static inline void flow_jump(const struct station *s, struct flow *f)
{
    double weight[2];
    if (!s->memoryless || s->begun <= 0)
        return;
    weigh(s, s->number, weight);
    f->jumps[0] += weight[0];
    f->jumps[1] += weight[1];
}

static inline void flow_pass(const struct station *s, struct flow *f, int64_t number, double rate)
{
    double weight[2];
    weigh(s, number, weight);
    f->expected[0] += weight[0] * rate;
    f->expected[1] += weight[1] * rate;
}

/* Time passes until `now`. */
static inline void pass(struct station *s, int64_t now)
{
    int64_t passed = now - s->time;
    s->work -= passed * s->busy;
    s->time = now;
    if (!s->memoryless || s->begun <= 0)
        return;
    flow_pass(s, &s->in, s->number, (double)passed / s->gap_ticks);
    if (s->number > 0)
        flow_pass(s, &s->out, s->number - 1, (double)(passed * s->busy) / ticks);
}

/* A customer's service begins: everything about it is known. */
static inline void begin(struct station *s, uint32_t station, const struct customer *c)
{
    engine_at(&s->engine, s->time + c->service, COMPLETION, station);
    if (s->begun++ < 0)
        return;
    double *control = s->sum.control;
    double wait = (double)(s->time - c->arrived) / ticks, work = (double)c->work / ticks;
    double service = (double)c->service / ticks - 1, gap = (double)c->gap / s->gap_ticks - 1;
    s->sum.wait += wait;
    s->sum.time += wait + service;
    control[DRAWS_SERVICE] += service;
    control[DRAWS_GAP] += gap;
    control[DRAWS_SERVICE_SQUARED] += service * service - s->cs2;
    control[DRAWS_GAP_SQUARED] += gap * gap - 1;
    control[WORK_SERVICE] += work * service;
    control[WORK_GAP] += work * gap;
    control[BLIND] += wait - work / s->stations;
    if (s->time > c->arrived) {
        s->sum.waited += 1;
        control[WAIT_SERVICE] += wait * service;
        control[WAIT_GAP] += wait * gap;
        control[WAITED_SERVICE] += service;
        control[WAITED_GAP] += gap;
    }
    if (s->begun == s->counted)
        engine_stop(&s->engine);
}

static inline void enqueue(struct station *s, struct queue *q, const struct customer *c)
{
    uint32_t at = s->free;
    if (at != NONE) {
        s->free = s->customer[at].next;
    } else if (s->used < s->waiting_max) {
        at = s->used++;
    } else {
        s->full = true;
        engine_stop(&s->engine);
        return;
    }
    s->customer[at] = *c;
    s->customer[at].next = NONE;
    if (q->first == NONE)
        q->first = at;
    else
        s->customer[q->last].next = at;
    q->last = at;
}

static void arrive(void *world, const struct event *event)
{
    struct station *s = world;
    uint32_t at = 0;
    pass(s, event->at);
    flow_jump(s, &s->in);
    struct customer c = {.arrived = s->time, .work = s->work};
    c.gap = (int64_t)(rng_exp(&s->arrivals) * s->gap_ticks);
    c.service = (int64_t)(dist_draw(&s->service, &s->services) * ticks);
    engine_at(&s->engine, s->time + c.gap, ARRIVAL, 0);
    if (s->stations > 1) {
        at = balance_pick(&s->balance, BALANCE_NO_ZONE, &s->choices, 0);
        balance_sent(&s->balance, at);
    }
    struct queue *q = &s->queue[at];
    s->number++;
    s->work += c.service;
    if (q->busy == s->servers) {
        enqueue(s, q, &c);
        return;
    }
    q->busy++;
    s->busy++;
    begin(s, at, &c);
}

static void complete(void *world, const struct event *event)
{
    struct station *s = world;
    struct queue *q = &s->queue[event->who];
    pass(s, event->at);
    s->number--;
    flow_jump(s, &s->out);
    if (s->stations > 1)
        balance_ended(&s->balance, event->who, BALANCE_ANSWERED, 0);
    uint32_t at = q->first;
    if (at == NONE) {
        q->busy--;
        s->busy--;
        return;
    }
    struct customer *c = &s->customer[at];
    q->first = c->next;
    c->next = s->free;
    s->free = at;
    begin(s, event->who, c);
}

/* From `number` to the next with one more takes (1 + number * the time from one fewer) / rate: an
 * arrival, unless one of them completes before. */
static int init_weights(struct station *s, struct arena *a)
{
    s->weight = arena_alloc(a, s->servers, sizeof s->weight[0]);
    if (s->weight == NULL)
        return -1;
    double climb = 0;
    for (uint32_t i = 0; i < s->servers; i++)
        s->weight[i] = climb = (1 + i * climb) * s->gap_ticks / ticks;
    for (uint32_t i = 0; i < s->servers; i++)
        s->weight[i] /= climb;
    return 0;
}

static int init(struct station *s, const struct station_opts *opts, struct arena *a,
                struct error *err)
{
    *s = (struct station){
        .stations = opts->stations,
        .servers = opts->servers,
        .gap_ticks = ticks / (opts->load * opts->stations * opts->servers),
        .begun = -opts->warmup,
        .counted = opts->customers,
        .memoryless = opts->service.kind == DIST_EXPONENTIAL,
        .waiting_max = WAITING_MAX + WAITING_EACH * opts->stations,
        .free = NONE,
    };
    if (dist_init(&s->service, &opts->service, err) != 0)
        return -1;
    s->cs2 = dist_cs2(&s->service);
    const struct balance_opts balance = {
        .eject_failures = 1,
        .policy = opts->balance,
        .choices = opts->choices,
    };
    s->queue = arena_alloc(a, opts->stations, sizeof s->queue[0]);
    s->customer = arena_alloc(a, s->waiting_max, sizeof s->customer[0]);
    if (s->queue == NULL || s->customer == NULL || init_weights(s, a) != 0 ||
        balance_init(&s->balance, &balance, &opts->stations, 1, a) != 0)
        return error_memory(err);
    for (uint32_t i = 0; i < opts->stations; i++)
        s->queue[i] = (struct queue){.first = NONE, .last = NONE};
    const struct engine_opts engine = {.pending_max = 16 + opts->stations * opts->servers};
    if (engine_init(&s->engine, &engine, a, err) != 0)
        return -1;
    engine_kind(&s->engine, ARRIVAL, "arrival", arrive, NULL, 0);
    engine_kind(&s->engine, COMPLETION, "completion", complete, NULL, 0);
    return 0;
}

static void take(struct station_sample *sample, const struct station *s,
                 const struct station_opts *opts)
{
    double n = (double)opts->customers;
    *sample = s->sum;
    sample->wait /= n;
    sample->time = 1 + sample->time / n;
    sample->waited /= n;
    for (int i = 0; i < STATION_CONTROLS; i++)
        sample->control[i] /= n;
    for (int i = 0; i < 2; i++) {
        sample->control[FLOW_IN + i] = (s->in.jumps[i] - s->in.expected[i]) / n;
        sample->control[FLOW_OUT + i] = (s->out.jumps[i] - s->out.expected[i]) / n;
    }
    /* Only where the choice is blind is the work that it meets on average its share of all. */
    if (opts->balance != TOPO_BALANCE_RANDOM || opts->servers > 1)
        sample->control[BLIND] = 0;
}

int station_run(struct station_sample *sample, const struct station_opts *opts, uint64_t seed,
                uint64_t replication, const char *name, struct arena *a, struct error *err)
{
    assert(opts->load > 0 && opts->load < 1);
    assert(opts->customers >= 1);
    struct station *s = arena_alloc(a, 1, sizeof *s);
    if (s == NULL)
        return error_memory(err);
    if (init(s, opts, a, err) != 0)
        return -1;
    rng_named(&s->arrivals, seed, replication, name, "arrivals");
    rng_named(&s->services, seed, replication, name, "services");
    rng_named(&s->choices, seed, replication, name, "choices");
    engine_at(&s->engine, (int64_t)(rng_exp(&s->arrivals) * s->gap_ticks), ARRIVAL, 0);
    engine_run(&s->engine, s, INT64_MAX);
    if (s->full)
        return error_set(err, ERR_LIMIT, "%s: more than %u customers wait", name,
                         (unsigned)s->waiting_max);
    take(sample, s, opts);
    return 0;
}
