/* report_course.h - how the first replication went, in bins of time, from its trace.
 *
 * Users' requests only: neither calls between services nor background work. What happened in a bin
 * is what ended in it; latencies count from when the customer sent the request's first try. */
#ifndef COMMANDS_REPORT_COURSE_H
#define COMMANDS_REPORT_COURSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hist.h"

struct files;
struct trace_record;

enum { COURSE_BINS = 400, COURSE_FAULTS = 60, COURSE_DECISIONS = 50 };

struct course_bin {
    int64_t offered, ok, shed, failed;
    double p50_ms, p99_ms, p999_ms, max_ms; /* NaN: too few answers for it */
    int64_t waiting_max;                    /* tries that wait at servers, of all kinds */
};

struct course_fault { /* one time that it was on */
    uint32_t fault;   /* of the scenario */
    int64_t from_ns, to_ns;
};

struct course_share {       /* of one fault and one country */
    int64_t requests, lost; /* that ended while it was on */
};

struct course_decision {
    int64_t at_ns;
    uint8_t kind; /* enum trace_kind */
    uint32_t group, nth;
    uint16_t zone;
};

enum course_phase { COURSE_BEFORE, COURSE_DURING, COURSE_AFTER, COURSE_PHASES };

struct course { /* all zero before course_init */
    const struct files *files;
    int64_t duration_ns, bin_ns, warmup_ns;
    struct course_bin *bin; /* [bins] */
    size_t bins;
    struct course_fault fault[COURSE_FAULTS];
    size_t fault_count;                    /* beyond COURSE_FAULTS they are only counted */
    int64_t fault_first_ns, fault_last_ns; /* -1: none; the last one's end, or the run's */
    struct course_share *share;            /* [scenario.fault_count * countries] */
    struct hist *phase;                    /* [COURSE_PHASES] us, behind the warm-up */
    int64_t eject_first_ns;                /* a server was left out behind the first fault; -1 */
    int64_t ejected, back, retries, no_retries;
    struct course_decision decision[COURSE_DECISIONS];
    size_t decision_count;
    bool begun; /* it was told of something */
    /* private */
    size_t at;
    struct hist *now;
    uint32_t faults_on;
    int64_t waiting;
    int64_t *start_ns; /* [start_count] by the request's slot */
    size_t start_count;
    bool failed;
};

/* 0, or -1 when memory is out. Release it in any case. */
int course_init(struct course *c, const struct files *files);

/* A trace_sink; the course is the context. */
void course_take(void *course, const struct trace_record *record);

/* Nothing comes any more. False: nothing came, or memory was out. */
bool course_end(struct course *c);

void course_release(struct course *c);

#endif
