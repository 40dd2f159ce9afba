#include "commands/report_course.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/files.h"
#include "simulator/world.h"

/* The first width that makes no more than COURSE_BINS, and where that leaves at least BINS_MIN has
 * some 1,500 of `rps` requests a second in each, so that there are percentiles. */
static int64_t width_ns(int64_t duration_ns, double rps)
{
    enum { BINS_MIN = 30 };
    static const int64_t ms[] = {10,     20,     50,     100,     200,    500,   1000,
                                 2000,   5000,   10000,  20000,   30000,  60000, 120000,
                                 300000, 600000, 900000, 1800000, 3600000};
    size_t last = sizeof ms / sizeof ms[0] - 1, i = 0;
    while (i < last &&
           (duration_ns > ms[i] * 1000000 * COURSE_BINS ||
            (duration_ns > ms[i + 1] * 1000000 * BINS_MIN && rps * (double)ms[i] < 1500 * 1000)))
        i++;
    int64_t needed = duration_ns / COURSE_BINS + 1;
    return ms[i] * 1000000 > needed ? ms[i] * 1000000 : needed;
}

static size_t timed_of(const struct scenario *s)
{
    return s->fault_count < COURSE_FAULTS ? s->fault_count : COURSE_FAULTS;
}

static bool touches_country(const struct scenario_fault *f, const struct topo *topo, size_t country)
{
    if (f->kind == FAULT_SURGE || f->kind == FAULT_POISON)
        return topo->countries[f->country].cell == topo->countries[country].cell;
    return f->kind == FAULT_BAD_DEPLOY ||
           scenario_fault_touches(f, topo, topo->countries[country].cell);
}

static bool init_faults(struct course *c, const struct files *files)
{
    const struct scenario *s = &files->scenario;
    size_t countries = files->topo.country_count, timed = timed_of(s);
    c->share = arena_alloc(&c->arena, s->fault_count * countries + 1, sizeof c->share[0]);
    c->felt = arena_alloc(&c->arena, timed + 1, sizeof c->felt[0]);
    c->touches = arena_alloc(&c->arena, timed * countries + 1, sizeof c->touches[0]);
    if (c->share == NULL || c->felt == NULL || c->touches == NULL)
        return false;
    for (size_t i = 0; i < timed; i++) {
        if (recover_init(&c->felt[i], c->duration_ns, &c->arena) != 0)
            return false;
        for (size_t k = 0; k < countries; k++)
            c->touches[i * countries + k] = touches_country(&s->faults[i], &files->topo, k);
    }
    return true;
}

int course_init(struct course *c, const struct files *files)
{
    const struct scenario *s = &files->scenario;
    size_t groups = files->topo.cell_count * files->topo.service_count;
    double rps = 0;
    for (size_t i = 0; i < files->topo.country_count; i++)
        rps += files->topo.countries[i].rps[s->start_slot] * s->load;
    *c = (struct course){
        .files = files,
        .duration_ns = s->duration_us * 1000,
        .bin_ns = width_ns(s->duration_us * 1000, rps),
        .warmup_ns = s->warmup_us * 1000,
        .tightest = WORLD_NONE,
        .looked_ns = -1,
    };
    c->bins = (size_t)((c->duration_ns + c->bin_ns - 1) / c->bin_ns);
    c->bin = arena_alloc(&c->arena, c->bins, sizeof c->bin[0]);
    c->phase = arena_alloc(&c->arena, COURSE_PHASES, sizeof c->phase[0]);
    c->now = arena_alloc(&c->arena, 1, sizeof *c->now);
    c->busy_ns = arena_alloc(&c->arena, 2 * groups, sizeof c->busy_ns[0]);
    c->alive = arena_alloc(&c->arena, groups, sizeof c->alive[0]);
    if (c->bin == NULL || c->phase == NULL || c->now == NULL || c->busy_ns == NULL ||
        c->alive == NULL || !init_faults(c, files))
        return -1;
    for (size_t i = 0; i < c->bins; i++)
        c->bin[i][COURSE_HEADROOM] = c->bin[i][COURSE_BACKLOG] = c->bin[i][COURSE_OLDEST_S] =
            (double)NAN;
    return 0;
}

void course_release(struct course *c)
{
    arena_release(&c->arena);
    free(c->start_ns);
    free(c->wait_ns);
    *c = (struct course){0};
}

/* ---- bins ---- */

/* A quantile, unless fewer than `beyond` answers lie beyond it. */
static double quantile_ms(const struct hist *h, double q, double beyond)
{
    return (double)h->count * (1 - q) < beyond ? (double)NAN : hist_quantile_us(h, q) / 1000;
}

static void close_bin(struct course *c)
{
    double *bin = c->bin[c->at];
    int64_t from_ns = (int64_t)c->at * c->bin_ns, end_ns = from_ns + c->bin_ns;
    double s = (double)((end_ns < c->duration_ns ? end_ns : c->duration_ns) - from_ns) * 1e-9;
    for (int i = COURSE_OFFERED; i <= COURSE_FAILED; i++)
        bin[i] /= s;
    bin[COURSE_P50_MS] = quantile_ms(c->now, 0.5, 5);
    bin[COURSE_P99_MS] = quantile_ms(c->now, 0.99, 1);
    bin[COURSE_P999_MS] = quantile_ms(c->now, 0.999, 1);
    bin[COURSE_MAX_MS] = c->now->count > 0 ? (double)c->now->max_us / 1000 : (double)NAN;
    if (c->now->count > 0)
        memset(c->now, 0, sizeof *c->now);
}

static double *bin_at(struct course *c, int64_t at_ns)
{
    size_t at = (size_t)(at_ns / c->bin_ns);
    if (at >= c->bins)
        at = c->bins - 1;
    while (c->at < at) {
        close_bin(c);
        c->at++;
        c->bin[c->at][COURSE_WAITING] = (double)c->waiting;
    }
    return c->bin[c->at];
}

/* ---- requests ---- */

/* Room for a slot. NULL, and the course has failed: memory is out. */
static int64_t *slot_at(struct course *c, int64_t **array, size_t *count, uint32_t slot)
{
    if (slot >= *count) {
        size_t more = ((size_t)slot + 64) * 2;
        int64_t *grown = realloc(*array, more * sizeof grown[0]);
        if (grown == NULL) {
            c->failed = true;
            return NULL;
        }
        memset(grown + *count, 0, (more - *count) * sizeof grown[0]);
        *array = grown;
        *count = more;
    }
    return &(*array)[slot];
}

static void begin_request(struct course *c, const struct trace_record *r, double *bin)
{
    bin[COURSE_OFFERED] += r->inner == 0;
    if (r->request_slot == WORLD_NONE)
        return;
    int64_t *start_ns = slot_at(c, &c->start_ns, &c->start_count, r->request_slot);
    if (start_ns != NULL)
        *start_ns = r->at_ns;
}

static void feel(struct course *c, const struct trace_record *r, bool lost)
{
    size_t countries = c->files->topo.country_count, timed = timed_of(&c->files->scenario);
    for (size_t i = 0; i < timed; i++)
        if (c->touches[i * countries + r->who])
            recover_add(&c->felt[i], r->at_ns, lost);
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++)
        if (c->fault[i].to_ns < 0) {
            struct course_share *s = &c->share[c->fault[i].fault * countries + r->who];
            s->requests++;
            s->lost += lost;
        }
}

static void end_request(struct course *c, const struct trace_record *r, double *bin)
{
    bool lost = r->answer != WORLD_OK;
    if (r->inner != 0)
        return;
    bin[!lost ? COURSE_OK : r->answer == WORLD_SHED ? COURSE_SHED : COURSE_FAILED]++;
    feel(c, r, lost);
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
    enum course_phase phase = !c->faulty         ? COURSE_BEFORE
                              : c->faults_on > 0 ? COURSE_DURING
                                                 : COURSE_AFTER;
    hist_add(&c->phase[phase], us);
}

static void begin_wait(struct course *c, const struct trace_record *r, double *bin)
{
    int64_t *since_ns = slot_at(c, &c->wait_ns, &c->wait_count, r->attempt_slot);
    if (since_ns != NULL)
        *since_ns = r->at_ns;
    bin[COURSE_WAITING] = fmax(bin[COURSE_WAITING], (double)++c->waiting);
}

static void end_wait(struct course *c, const struct trace_record *r, double *bin)
{
    if (r->from != ATTEMPT_WAITS)
        return;
    c->waiting--;
    if (r->attempt_slot < c->wait_count)
        bin[COURSE_WAIT_MS] =
            fmax(bin[COURSE_WAIT_MS], (double)(r->at_ns - c->wait_ns[r->attempt_slot]) * 1e-6);
}

/* ---- faults and decisions ---- */

static void begin_fault(struct course *c, const struct trace_record *r)
{
    c->faults_on++;
    c->faulty = true;
    if (c->fault_count < COURSE_FAULTS)
        c->fault[c->fault_count] = (struct course_fault){
            r->who, r->at_ns, -1, (double)NAN, (double)NAN, (double)NAN, (double)NAN};
    c->fault_count++;
}

static void end_fault(struct course *c, const struct trace_record *r)
{
    c->faults_on -= c->faults_on > 0;
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++)
        if (c->fault[i].fault == r->who && c->fault[i].to_ns < 0)
            c->fault[i].to_ns = r->at_ns;
}

/* A server or zone of `cell` goes: that is an answer to the faults that are on there. */
static void notice(struct course *c, const struct trace_record *r)
{
    const struct topo *topo = &c->files->topo;
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++) {
        struct course_fault *on = &c->fault[i];
        const struct scenario_fault *f = &c->files->scenario.faults[on->fault];
        bool there = f->zone == SCENARIO_ANY || f->zone == r->zone || f->to == r->zone;
        double *s = r->kind == TRACE_SHIFT ? &on->shift_s : &on->detect_s;
        if (on->to_ns < 0 && isnan(*s) && there &&
            touches_country(f, topo, topo->cells[r->group / topo->service_count].country[0]))
            *s = (double)(r->at_ns - on->from_ns) * 1e-9;
    }
}

/* Those of control are few: the door's leave room for them. */
static void decide(struct course *c, const struct trace_record *r)
{
    enum { OF_DOOR = COURSE_DECISIONS * 3 / 5 };
    bool door = r->kind <= TRACE_BACK;
    if (r->kind == TRACE_EJECT || r->kind == TRACE_SHIFT)
        notice(c, r);
    if (c->decision_count < (door ? OF_DOOR : COURSE_DECISIONS))
        c->decision[c->decision_count++] =
            (struct course_decision){r->at_ns, r->kind, r->group, r->server, r->nth, r->zone};
}

void course_take(void *course, const struct trace_record *r)
{
    struct course *c = course;
    double *bin = bin_at(c, r->at_ns);
    c->kind[r->kind]++;
    switch (r->kind) {
    case TRACE_REQUEST:
        begin_request(c, r, bin);
        break;
    case TRACE_END:
        end_request(c, r, bin);
        break;
    case TRACE_WAIT:
        begin_wait(c, r, bin);
        break;
    case TRACE_WORK:
    case TRACE_LEAVE:
        end_wait(c, r, bin);
        break;
    case TRACE_BREAK:
        begin_fault(c, r);
        break;
    case TRACE_HEAL:
        end_fault(c, r);
        break;
    default:
        if (r->kind >= TRACE_EJECT)
            decide(c, r);
        break;
    }
}

/* When the first fault behind `to_ns` begins, or the run ends. */
static int64_t next_ns(const struct course *c, int64_t to_ns)
{
    int64_t next = c->duration_ns;
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++)
        if (c->fault[i].from_ns > to_ns && c->fault[i].from_ns < next)
            next = c->fault[i].from_ns;
    return next;
}

bool course_end(struct course *c)
{
    bin_at(c, c->duration_ns);
    close_bin(c);
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++)
        if (c->fault[i].to_ns < 0)
            c->fault[i].to_ns = c->duration_ns;
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++) {
        struct course_fault *f = &c->fault[i];
        if (f->fault >= COURSE_FAULTS)
            continue;
        struct recover_times t =
            recover_read(&c->felt[f->fault], f->from_ns, f->to_ns, next_ns(c, f->to_ns));
        f->mitigate_s = t.mitigate_s;
        f->recover_s = t.recover_s;
    }
    return !c->failed;
}
