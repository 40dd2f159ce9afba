/* trace_put.h - the events of a trace as JSON, one line each; trace_file.h decides which. */
#ifndef COMMANDS_TRACE_PUT_H
#define COMMANDS_TRACE_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/topo.h"

struct files;
struct trace_record;

struct trace_put { /* fields but `out` and `failed` are private to trace_put.c */
    FILE *out;
    int failed; /* errno of the first write that failed; 0: none has */
    const struct files *files;
    /* As they stand in JSON, without quotes: */
    const char **country, **cell, **service, **fault;
    const char *(*zone)[TOPO_ZONES_MAX]; /* by cell */
    int64_t lanes;                       /* thread numbers kept for each server */
    int64_t events;
};

struct trace_end {
    int64_t seed;
    int64_t from_ns, until_ns;
    int64_t records, records_max;
    bool full, stopped;
};

/* Without a file yet; the caller sets `out`. 0, or -1 when memory is out. */
int trace_put_init(struct trace_put *p, const struct files *files, struct arena *a);

/* Note that it failed; a `why` of 0 is EIO. */
void trace_put_fail(struct trace_put *p, int why);

/* What is around the events. */
void trace_put_begin(struct trace_put *p);
void trace_put_end(struct trace_put *p, const struct trace_end *end);

/* The name of a cell, as a process, and of its door; of a server's lane, which is its thread. */
void trace_put_cell(struct trace_put *p, size_t cell);
void trace_put_lane(struct trace_put *p, const struct trace_record *r, uint32_t lane);

/* Begin ("b") or end ("e") a request, whose record is that of REQUEST, or a try, of SEND. `end`:
 * how; NULL when it begins. */
void trace_put_async(struct trace_put *p, const char *phase, const struct trace_record *r,
                     int64_t at_ns, const char *end);

/* Work that began with `r` and is over, one way or another. */
void trace_put_work(struct trace_put *p, const struct trace_record *r, uint32_t lane,
                    int64_t until_ns, const char *end);

/* How many wait and are worked on. */
void trace_put_crowd(struct trace_put *p, size_t group, size_t zone, int64_t at_ns,
                     uint32_t waiting, uint32_t running);

/* Begin, end or mark ("i") a fault. */
void trace_put_fault(struct trace_put *p, const char *phase, size_t fault, int64_t at_ns);

/* Why control does what it does, by enum trace_kind from SHIFT to UNDO; NULL: it is something else.
 */
const char *trace_put_control(uint8_t kind);

/* SHIFT to UNDO, LEAVE (of what is shed), NO_ROOM, RETRY, NO_RETRY, TIMEOUT, EJECT, TRIAL or BACK,
 * with a sentence that says why. `end`: how the try before a RETRY ended; NULL: not known. */
void trace_put_decision(struct trace_put *p, const struct trace_record *r, const char *end);

#endif
