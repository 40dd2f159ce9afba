/* pipe_work.h - what the parts of simulator/pipe.c share: rows on one side, workers on the other.
 */
#ifndef SIMULATOR_PIPE_WORK_H
#define SIMULATOR_PIPE_WORK_H

#include <stdint.h>

#include "simulator/pipe.h"

static inline void pipe_tell(struct pipe *p, enum pipe_note note, const struct pipe_order *o,
                             const struct pipeline_message *m, uint32_t try)
{
    if (p->opts.trace != NULL)
        p->opts.trace(p->opts.trace_context, engine_now(&p->engine), note, o->number, m, try);
}

/* A time around `mean_us`, as the options say. */
int64_t pipe_time_us(const struct pipe *p, int64_t mean_us, struct rng *rng);

/* ---- pipe_flow.c: orders, messages and rows ---- */

engine_handler pipe_on_arrive, pipe_on_cancel, pipe_on_land, pipe_on_resend, pipe_on_row;

/* The outcome of a worker's try on a row it holds: commit it. False when it came too late. */
bool pipe_commit(struct pipe *p, uint32_t row, uint32_t try, const struct pipeline_report *report);

/* A worker's try has failed. */
void pipe_fail(struct pipe *p, uint32_t row, uint32_t try);

/* There was no room for a worker's try: the row is ready again, and the try does not count. */
void pipe_give_back(struct pipe *p, uint32_t row, uint32_t try);

/* Take the row at the head of a station's queue. Returns the try. */
uint32_t pipe_take(struct pipe *p, uint32_t station, uint32_t *row);

/* What the work on a row will come to: by the luck of the message, the same in every mode. */
struct pipeline_report pipe_outcome(const struct pipe *p, const struct pipe_row *row);

/* ---- pipe_work.c: workers and stores ---- */

engine_handler pipe_on_store, pipe_on_worked, pipe_on_poll, pipe_on_crash, pipe_on_repair,
    pipe_on_crew, pipe_on_warm, pipe_on_tick, pipe_on_pause;

/* Have the idle workers of a station take what waits there. */
void pipe_dispatch(struct pipe *p, uint32_t station);

/* The workers begin: they look for work, or wait to be needed. */
void pipe_workers_start(struct pipe *p);

/* Start what waits at a store. */
void pipe_store_go_on(struct pipe *p, uint32_t store);

#endif
