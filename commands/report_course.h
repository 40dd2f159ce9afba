/* report_course.h - how the first replications went, in bins of time: each from its trace and from
 * looks at its world, and all of them together.
 *
 * Users' requests only: neither calls between services nor background work. What happened in a bin
 * is what ended in it; latencies count from when the customer sent the request's first try. */
#ifndef COMMANDS_REPORT_COURSE_H
#define COMMANDS_REPORT_COURSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hist.h"
#include "simulator/recover.h"
#include "simulator/run.h"
#include "simulator/trace.h"

struct files;

enum { COURSE_RUNS = 8, COURSE_BINS = 400, COURSE_FAULTS = 60, COURSE_DECISIONS = 50 };

/* The numbers of a bin; NaN: not known, or too few answers for it. */
enum course_number {
    COURSE_OFFERED, /* requests per second, by when they began; the others by when they ended */
    COURSE_OK,
    COURSE_SHED,
    COURSE_FAILED,
    COURSE_P50_MS,
    COURSE_P99_MS,
    COURSE_P999_MS,
    COURSE_MAX_MS,
    COURSE_WAITING,  /* most tries that waited at servers at once, of all kinds */
    COURSE_WAIT_MS,  /* the longest wait of those that ended in it */
    COURSE_HEADROOM, /* spare share of the tightest service, on living servers, 0..1 */
    COURSE_BACKLOG,  /* pieces of work that wait in the pipelines, at its end */
    COURSE_OLDEST_S, /* how long the oldest of them had been there */
    COURSE_NUMBERS
};

struct course_fault { /* one time that it was on */
    uint32_t fault;   /* of the scenario */
    int64_t from_ns, to_ns;
    /* Seconds, filled in by course_end. NaN: was not. */
    double detect_s;   /* from its begin until a server that it touches was left out */
    double shift_s;    /* until control began to take its zone out */
    double mitigate_s; /* as in recover.h, of the countries that it touches; */
    double recover_s;  /* until the next fault begins */
};

struct course_share {       /* of one fault and one country */
    int64_t requests, lost; /* that ended while it was on */
};

struct course_decision {
    int64_t at_ns;
    uint8_t kind; /* enum trace_kind */
    uint32_t group, server, nth;
    uint16_t zone;
};

enum course_phase { COURSE_BEFORE, COURSE_DURING, COURSE_AFTER, COURSE_PHASES };

struct course { /* of one replication; all zero before course_init */
    const struct files *files;
    int64_t duration_ns, bin_ns;
    int64_t warmup_ns;             /* as it was found, where it is not given */
    double (*bin)[COURSE_NUMBERS]; /* [bins] */
    size_t bins;
    struct course_fault fault[COURSE_FAULTS];
    size_t fault_count;         /* beyond COURSE_FAULTS they are only counted */
    struct course_share *share; /* [scenario.fault_count * countries] */
    struct hist *phase;         /* [COURSE_PHASES] us, behind the warm-up */
    uint32_t tightest;          /* the group whose headroom was least; WORLD_NONE: not known */
    double tightest_spare;
    struct course_decision decision[COURSE_DECISIONS];
    size_t decision_count;        /* that are kept */
    int64_t kind[TRACE_HEAL + 1]; /* how often each happened */
    /* private */
    struct arena arena;
    size_t at;
    struct hist *now;
    bool faulty; /* a fault has been on */
    uint32_t faults_on;
    int64_t waiting;
    int64_t *start_ns; /* [start_count] by the request's slot */
    int64_t *wait_ns;  /* [start_count] by the try's slot, since when it waits */
    size_t start_count, wait_count;
    struct recover *felt; /* [faults that are timed] */
    bool *touches;        /* [those * countries] */
    int64_t *busy_ns;     /* [2 * groups] at the last look, and room for the next, */
    int64_t *alive;       /* and the servers that lived */
    int64_t looked_ns;    /* -1: no look yet */
    bool failed;          /* memory was out */
};

/* 0, or -1 when memory is out. Release it in any case. */
int course_init(struct course *c, const struct files *files);

/* The calls of a struct run_listener, which looks every `bin_ns`; the course is the context. */
void course_take(void *course, const struct trace_record *record);
void course_look(void *course, const struct world *world);

/* Nothing comes any more: the replication is over. False: memory was out. */
bool course_end(struct course *c);

void course_release(struct course *c);

/* ---- several together ---- */

struct courses { /* all zero: none */
    struct course run[COURSE_RUNS];
    struct run_listener listener[COURSE_RUNS];
    size_t count;               /* of the above; after courses_end those that are whole */
    struct hist *phase;         /* [COURSE_PHASES] of all together */
    struct course_share *share; /* the same */
};

/* Listen to the first `replications`, or COURSE_RUNS. 0, or -1 when memory is out. Release it in
 * any case, and do not move it meanwhile. */
int courses_init(struct courses *c, const struct files *files, int64_t replications);

/* Keep those that were heard to the end. False: none was, or memory was out. */
bool courses_end(struct courses *c);

void courses_release(struct courses *c);

struct course_spread { /* of a number over replications; NaN: half of them do not know it */
    double median, low, high;
    size_t known;
};

/* Of values, NaN: not known; their order changes. */
struct course_spread course_spread(double *value, size_t count);

struct course_spread courses_bin(const struct courses *c, size_t bin, enum course_number what);

#endif
