/* metrics.h - every number of a sample by name, so that it can be kept outside and put back.
 *
 * Names are "events" and "digest" for the replication, "DE.p99_ms" for a country and
 * "de.catalog.busy_ns" for a service of a cell. The order and the names follow from the topology's
 * names alone. What goes out and comes in again is the same to the last bit. */
#ifndef SIMULATOR_METRICS_H
#define SIMULATOR_METRICS_H

#include <stddef.h>

#include "base/metric.h"

struct result_sample;
struct topo;

enum { METRICS_NAME_MAX = 128 }; /* two names of at most 40 characters and a metric's */

/* How many a sample of this topology has. */
size_t metrics_count(const struct topo *topo);

/* The name of metric `index` < metrics_count. */
void metrics_name(char out[METRICS_NAME_MAX], const struct topo *topo, size_t index);

/* Take all metrics of a sample: `out` has room for metrics_count. */
void metrics_take(struct metric *out, const struct result_sample *sample, const struct topo *topo);

/* Fill a sample made by result_sample_init. 0, or -1 when a value is not of its metric's type: the
 * sample is then of no use. */
int metrics_put(struct result_sample *sample, const struct metric *in, const struct topo *topo);

#endif
