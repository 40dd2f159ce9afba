/* topo_calls.h - which service calls which: names become indices, cycles are refused, and the load
 * that calls bring is added up. A part of topo_parse. */
#ifndef BASE_TOPO_CALLS_H
#define BASE_TOPO_CALLS_H

#include "base/json.h"

struct error;

struct topo;

/* The table of one step. */
extern const struct json_field topo_call_fields[];

/* Fill `index` of every call and `load` of every service; share_sum is known. 0, or -1 with `err`
 * set: an unknown service, a cycle, more load than can be meant, or a service that nobody asks. */
int topo_calls_complete(struct topo *topo, struct error *err);

#endif
