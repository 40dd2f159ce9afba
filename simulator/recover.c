#include "simulator/recover.h"

#include <math.h>

#include "base/arena.h"

const double recover_lost_max = 0.01;

static const int64_t WIDTH_NS = 100000000;

int recover_init(struct recover *r, int64_t duration_ns, struct arena *a)
{
    int64_t width_ns = duration_ns / RECOVER_BINS + 1;
    r->width_ns = width_ns > WIDTH_NS ? width_ns : WIDTH_NS;
    r->at = 0;
    r->end_ns = r->width_ns;
    r->bin = arena_alloc(a, RECOVER_BINS, sizeof r->bin[0]);
    return r->bin == NULL ? -1 : 0;
}

static bool is_bad(const struct recover_bin *bin)
{
    return (double)bin->lost > recover_lost_max * (double)bin->requests;
}

/* A service counts as bad at the end when the last bin that has any requests is, or one of the
 * few before it: a bad time need not lose some of every bin's. */
enum { LAST_BINS = 20 };

static bool ends_bad(const struct recover *r, int64_t until_ns)
{
    int last = RECOVER_BINS - 1;
    while (last > 0 && (r->bin[last].requests == 0 || last * r->width_ns > until_ns))
        last--;
    for (int i = last; i >= 0 && i > last - LAST_BINS; i--)
        if (is_bad(&r->bin[i]))
            return true;
    return false;
}

struct recover_times recover_read(const struct recover *r, int64_t from_ns, int64_t to_ns,
                                  int64_t until_ns)
{
    bool fault = from_ns >= 0, over = fault && to_ns < until_ns;
    int64_t hurt_ns = 0, mitigated_ns = from_ns, recovered_ns = to_ns;
    for (int i = 0; i < RECOVER_BINS && i * r->width_ns <= until_ns; i++) {
        int64_t begin_ns = i * r->width_ns, end_ns = begin_ns + r->width_ns;
        if (end_ns > until_ns)
            end_ns = until_ns;
        if (!is_bad(&r->bin[i]))
            continue;
        hurt_ns += end_ns - begin_ns;
        if (begin_ns < to_ns && end_ns > from_ns)
            mitigated_ns = end_ns;
        if (end_ns > to_ns)
            recovered_ns = end_ns;
    }
    bool bad = ends_bad(r, until_ns);
    return (struct recover_times){
        .hurt_s = (double)hurt_ns * 1e-9,
        .mitigate_s = fault ? (double)(mitigated_ns - from_ns) * 1e-9 : (double)NAN,
        .recover_s = over && !bad ? (double)(recovered_ns - to_ns) * 1e-9 : (double)NAN,
        .recovered = over ? !bad : (double)NAN,
    };
}
