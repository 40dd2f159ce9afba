#include "commands/report_course.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/files.h"
#include "simulator/trace.h"

/* The first width that makes no more than COURSE_BINS, and where that leaves at least BINS_MIN has
 * some 500 of `rps` requests a second in each, so that there are percentiles. */
static int64_t width_ns(int64_t duration_ns, double rps)
{
    enum { BINS_MIN = 30 };
    static const int64_t ms[] = {10,     20,     50,     100,     200,    500,   1000,
                                 2000,   5000,   10000,  20000,   30000,  60000, 120000,
                                 300000, 600000, 900000, 1800000, 3600000};
    size_t last = sizeof ms / sizeof ms[0] - 1, i = 0;
    while (i < last &&
           (duration_ns > ms[i] * 1000000 * COURSE_BINS ||
            (duration_ns > ms[i + 1] * 1000000 * BINS_MIN && rps * (double)ms[i] < 500 * 1000)))
        i++;
    int64_t needed = duration_ns / COURSE_BINS + 1;
    return ms[i] * 1000000 > needed ? ms[i] * 1000000 : needed;
}

int course_init(struct course *c, const struct files *files)
{
    const struct scenario *s = &files->scenario;
    double rps = 0;
    for (size_t i = 0; i < files->topo.country_count; i++)
        rps += files->topo.countries[i].rps[s->start_slot] * s->load;
    *c = (struct course){
        .files = files,
        .duration_ns = s->duration_us * 1000,
        .bin_ns = width_ns(s->duration_us * 1000, rps),
        .warmup_ns = s->warmup_us * 1000,
        .fault_first_ns = -1,
        .fault_last_ns = -1,
        .eject_first_ns = -1,
    };
    c->bins = (size_t)((c->duration_ns + c->bin_ns - 1) / c->bin_ns);
    c->bin = calloc(c->bins, sizeof c->bin[0]);
    c->share = calloc(s->fault_count * files->topo.country_count + 1, sizeof c->share[0]);
    c->phase = calloc(COURSE_PHASES, sizeof c->phase[0]);
    c->now = calloc(1, sizeof *c->now);
    return c->bin == NULL || c->share == NULL || c->phase == NULL || c->now == NULL ? -1 : 0;
}

void course_release(struct course *c)
{
    free(c->bin);
    free(c->share);
    free(c->phase);
    free(c->now);
    free(c->start_ns);
    *c = (struct course){0};
}

/* A quantile, unless fewer than `beyond` answers lie beyond it. */
static double quantile_ms(const struct hist *h, double q, double beyond)
{
    return (double)h->count * (1 - q) < beyond ? (double)NAN : hist_quantile_us(h, q) / 1000;
}

static void close_bin(struct course *c)
{
    struct course_bin *bin = &c->bin[c->at];
    bin->p50_ms = quantile_ms(c->now, 0.5, 5);
    bin->p99_ms = quantile_ms(c->now, 0.99, 1);
    bin->p999_ms = quantile_ms(c->now, 0.999, 1);
    bin->max_ms = c->now->count > 0 ? (double)c->now->max_us / 1000 : (double)NAN;
    if (c->now->count > 0)
        memset(c->now, 0, sizeof *c->now);
}

static struct course_bin *bin_at(struct course *c, int64_t at_ns)
{
    size_t at = (size_t)(at_ns / c->bin_ns);
    if (at >= c->bins)
        at = c->bins - 1;
    while (c->at < at) {
        close_bin(c);
        c->at++;
        c->bin[c->at].waiting_max = c->waiting;
    }
    return &c->bin[c->at];
}

/* ---- requests ---- */

static void begin_request(struct course *c, const struct trace_record *r, struct course_bin *bin)
{
    if (r->inner == 0)
        bin->offered++;
    if (r->request_slot == WORLD_NONE)
        return;
    if (r->request_slot >= c->start_count) {
        size_t more = ((size_t)r->request_slot + 64) * 2;
        int64_t *grown = realloc(c->start_ns, more * sizeof grown[0]);
        if (grown == NULL) {
            c->failed = true;
            return;
        }
        c->start_ns = grown;
        c->start_count = more;
    }
    c->start_ns[r->request_slot] = r->at_ns;
}

static void end_request(struct course *c, const struct trace_record *r, struct course_bin *bin)
{
    size_t countries = c->files->topo.country_count;
    bool lost = r->answer != WORLD_OK;
    if (r->inner != 0)
        return;
    bin->ok += !lost;
    bin->shed += r->answer == WORLD_SHED;
    bin->failed += lost && r->answer != WORLD_SHED;
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++)
        if (c->fault[i].to_ns < 0) {
            struct course_share *s = &c->share[c->fault[i].fault * countries + r->who];
            s->requests++;
            s->lost += lost;
        }
    if (lost || r->request_slot == WORLD_NONE || r->request_slot >= c->start_count)
        return;
    int64_t start_ns = c->start_ns[r->request_slot], us = (r->at_ns - start_ns) / 1000;
    const struct topo_cell *cell = &c->files->topo.cells[r->group / c->files->topo.service_count];
    for (size_t i = 0; i < cell->country_count; i++)
        if (cell->country[i] == r->who)
            us += cell->client_rtt_us[i];
    hist_add(c->now, us);
    if (start_ns < c->warmup_ns)
        return;
    bool before = c->fault_first_ns < 0;
    hist_add(&c->phase[before             ? COURSE_BEFORE
                       : c->faults_on > 0 ? COURSE_DURING
                                          : COURSE_AFTER],
             us);
}

/* ---- faults and decisions ---- */

static void begin_fault(struct course *c, const struct trace_record *r)
{
    c->faults_on++;
    if (c->fault_first_ns < 0)
        c->fault_first_ns = r->at_ns;
    if (c->fault_count < COURSE_FAULTS)
        c->fault[c->fault_count] = (struct course_fault){r->who, r->at_ns, -1};
    c->fault_count++;
}

static void end_fault(struct course *c, const struct trace_record *r)
{
    c->faults_on -= c->faults_on > 0;
    c->fault_last_ns = r->at_ns;
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++)
        if (c->fault[i].fault == r->who && c->fault[i].to_ns < 0)
            c->fault[i].to_ns = r->at_ns;
}

static void decide(struct course *c, const struct trace_record *r)
{
    c->ejected += r->kind == TRACE_EJECT;
    c->back += r->kind == TRACE_BACK;
    if (r->kind == TRACE_EJECT && c->faults_on > 0 && c->eject_first_ns < 0)
        c->eject_first_ns = r->at_ns;
    if (c->decision_count < COURSE_DECISIONS)
        c->decision[c->decision_count] =
            (struct course_decision){r->at_ns, r->kind, r->group, r->nth, r->zone};
    c->decision_count++;
}

void course_take(void *course, const struct trace_record *r)
{
    struct course *c = course;
    struct course_bin *bin = bin_at(c, r->at_ns);
    c->begun = true;
    switch (r->kind) {
    case TRACE_REQUEST:
        begin_request(c, r, bin);
        break;
    case TRACE_END:
        end_request(c, r, bin);
        break;
    case TRACE_WAIT:
        if (++c->waiting > bin->waiting_max)
            bin->waiting_max = c->waiting;
        break;
    case TRACE_WORK:
    case TRACE_LEAVE:
        c->waiting -= r->from == ATTEMPT_WAITS;
        break;
    case TRACE_RETRY:
        c->retries++;
        break;
    case TRACE_NO_RETRY:
        c->no_retries++;
        break;
    case TRACE_EJECT:
    case TRACE_TRIAL:
    case TRACE_BACK:
        decide(c, r);
        break;
    case TRACE_BREAK:
        begin_fault(c, r);
        break;
    case TRACE_HEAL:
        end_fault(c, r);
        break;
    default:
        break;
    }
}

bool course_end(struct course *c)
{
    if (!c->begun || c->failed)
        return false;
    bin_at(c, c->duration_ns);
    close_bin(c);
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++)
        if (c->fault[i].to_ns < 0)
            c->fault[i].to_ns = c->duration_ns;
    if (c->faults_on > 0)
        c->fault_last_ns = c->duration_ns;
    return true;
}
