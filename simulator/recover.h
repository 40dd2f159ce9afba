/* recover.h - how long customers were hurt, and whether that ended by itself.
 *
 * Requests and losses are counted in bins of time, in fixed memory. A bin is bad when more than
 * RECOVER_LOST_MAX of its requests were lost. A service that is still bad well after the last fault
 * has ended does not recover by itself: its failure is metastable (Bronson et al. 2021, HotOS). */
#ifndef SIMULATOR_RECOVER_H
#define SIMULATOR_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

enum { RECOVER_BINS = 2048 };
extern const double recover_lost_max; /* 0.01 */

struct recover { /* fields are private to recover.c */
    int64_t width_ns;
    int64_t at, end_ns; /* the bin of the last one, and where it ends */
    struct recover_bin {
        uint32_t requests, lost;
    } * bin; /* [RECOVER_BINS] */
};

/* For a run of `duration_ns`: bins of a tenth of a second, or as wide as it takes. 0, or -1 when
 * memory is out. */
int recover_init(struct recover *r, int64_t duration_ns, struct arena *a);

/* A request ended at `at_ns`, 0 .. duration, not before the one that was added last. */
static inline void recover_add(struct recover *r, int64_t at_ns, bool lost)
{
    while (__builtin_expect(at_ns >= r->end_ns, 0) && r->at < RECOVER_BINS - 1) {
        r->at++;
        r->end_ns += r->width_ns;
    }
    r->bin[r->at].requests++;
    r->bin[r->at].lost += lost;
}

struct recover_times { /* seconds, to the width of a bin */
    double hurt_s;     /* all bad bins together */
    double mitigate_s; /* from the first fault to the end of the bad bins that it, or another that
                          came before all had ended, brought; 0: none; NaN: there was no fault */
    double recover_s;  /* from the end of the last fault to the end of the last bad bin; 0: none;
                          NaN: it was still bad at the end, or the faults lasted until then */
    double recovered;  /* 1, or 0: still bad at the end; NaN: the faults lasted until then */
};

/* `from_ns`: the first fault began; negative: there was none. `to_ns`: the last one ended; not
 * before the end of the run: it lasted. `until_ns`: the end of the run, or when
 * something else begins: what is later is not looked at. */
struct recover_times recover_read(const struct recover *r, int64_t from_ns, int64_t to_ns,
                                  int64_t until_ns);

#endif
