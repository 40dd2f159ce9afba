/* floors.h - how fast plain C does two classic workloads, and how fast the engine does.
 *
 * mm1: one server, FIFO, Poisson arrivals at 0.9 of its rate; an event is an arrival or a
 * completion. hold: N pending events, each of which reschedules itself after an exponential delay
 * of mean 1; an event is one pop and one push (Jones 1986, CACM 29(4)).
 *
 * The floors are written for their one workload and nothing else: what any engine gives up against
 * them is the price of being general. Same compiler, same flags, same random numbers. */
#ifndef TESTS_BENCH_FLOORS_H
#define TESTS_BENCH_FLOORS_H

#include <stdint.h>

struct bench_rate {
    double events_per_s; /* of process CPU time; 0 when memory is out */
    double check;        /* mm1: mean time in system, near 10; hold: the time at the end, near
                            events/size; a model: see there */
};

/* Two variables hold the next arrival and the next completion; no event list. */
struct bench_rate floor_mm1(uint64_t events, uint64_t seed);

/* A ladder of two rungs with widths tuned by hand for `size`, on double times; an event calls its
 * object's handler through a table. No cancelling, no ties, no limit, no change of width. */
struct bench_rate floor_hold(uint32_t size, uint64_t events, uint64_t seed);

/* The same through simulator/engine.h, with nothing tuned. In `hold` every event can be cancelled:
 * its object carries a generation, which is looked at each time. */
struct bench_rate engine_mm1(uint64_t events, uint64_t seed);
struct bench_rate engine_hold(uint32_t size, uint64_t events, uint64_t seed);

/* One replication of the full model on one thread, with a zone that dies and one that is cut off:
 * three cells of three zones, four services, timeouts, retries and ejection. `rich` has fewer
 * minutes and all the rest: calls between services and to a store, priority over background work,
 * near replicas first, hedging, breakers, and a control plane that shifts and replaces. `check` is
 * the share of users' requests that were answered, 0 when none had to be repeated. */
struct bench_rate model_plain(uint64_t seed);
struct bench_rate model_rich(uint64_t seed);

/* CPU seconds of this process so far. */
double bench_cpu_s(void);

#endif
