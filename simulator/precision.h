/* precision.h - when enough replications have been run.
 *
 * Replications are added in rounds. How many come next follows from what the rounds so far have
 * measured, so from inputs and seed alone, and never from threads or time. Stopping when it looks
 * narrow favours samples that scatter little by chance: intervals then hold a little less often
 * than their level says, by some two points for a dozen replications and vanishing for many (Chow
 * and Robbins 1965). That is why the first round has eight at least. */
#ifndef SIMULATOR_PRECISION_H
#define SIMULATOR_PRECISION_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;
struct result_sample;
struct run_result;
struct scenario;
struct topo;

/* The greatest of the half widths of the scenario's precision, each as a share of what is allowed:
 * at most 1 when all are narrow enough. Infinite where an interval is not known. The intervals'
 * levels are those that make all of them hold at once (stats_sidak). */
double precision_widest(const struct result_sample *const *samples, size_t n,
                        const struct topo *topo, const struct scenario *scenario);

/* How many replications there should be after the next round, when `n` gave `widest` > 1: as many
 * as narrow the widest interval enough if its scatter stays what it is, at least an eighth more,
 * at most twice as many, at most `max`. */
int64_t precision_next(int64_t n, double widest, int64_t max);

/* Fill `precise` and the list of what is not. 0, or -1 with `err` set. */
int precision_fill(struct run_result *result, const struct result_sample *const *samples, size_t n,
                   const struct topo *topo, const struct scenario *scenario, struct arena *a,
                   struct error *err);

#endif
