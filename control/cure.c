#include "control/cure.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "control/health.h"
#include "control/progress.h"
#include "control/status.h"

const struct cure_opts cure_usual = {
    .ails_us = 10000000,
    .grace_us = 3000000,
    .wait_us = 60000000,
    .good_us = 600000000,
    .tries_max = 3,
};

void cure_init(struct cure *c, const struct cure_opts *opts, int64_t now_us)
{
    assert(opts->ails_us > 0 && opts->grace_us > 0);
    assert(opts->wait_us > 0 && opts->good_us > 0);
    *c = (struct cure){.opts = opts, .asked_us = -1, .ill_us = now_us, .next_us = now_us};
}

/* ---- one replica ---- */

static enum cure_why judge(const struct cure *c, const struct cure_facts *f, int64_t now_us)
{
    if (f->ails_us < c->opts->ails_us)
        return CURE_EARLY;
    if (c->tries >= c->opts->tries_max)
        return CURE_SPENT;
    if (!progress_alone(f->ill, f->all))
        return CURE_COMMON;
    if (f->zone_ill)
        return CURE_ZONE;
    if (f->serving < f->needed)
        return CURE_NEEDED;
    if (f->busy)
        return CURE_BUSY;
    return now_us < c->next_us ? CURE_EARLY : CURE_WELL;
}

static void ask_to_end(struct cure *c, int64_t now_us)
{
    c->asked_us = now_us;
    c->next_us = now_us + (c->opts->wait_us << c->tries);
    c->tries++;
    c->why = CURE_ENDING;
}

/* It was told to end: again, and less politely, while the same process is there. */
static enum cure_act wait_for_end(struct cure *c, int64_t now_us)
{
    if (now_us - c->asked_us < c->opts->grace_us)
        return CURE_NOTHING;
    c->asked_us = now_us;
    return CURE_KILL;
}

enum cure_act cure_look(struct cure *c, const struct cure_facts *f, int64_t now_us)
{
    c->serving = f->serving;
    c->needed = f->needed;
    if (f->pid != 0 && f->pid != c->pid) { /* another one has its place */
        c->pid = f->pid;
        c->asked_us = -1;
    }
    if (f->pid != 0 && c->asked_us >= 0)
        return wait_for_end(c, now_us);
    if (f->pid == 0 || f->ails_us <= 0) {
        c->why = CURE_WELL;
        if (now_us - c->ill_us >= c->opts->good_us)
            c->tries = 0;
        return CURE_NOTHING;
    }
    c->ill_us = now_us;
    c->why = judge(c, f, now_us);
    if (c->why != CURE_WELL)
        return CURE_NOTHING;
    ask_to_end(c, now_us);
    return CURE_END;
}

/* ---- a cell ---- */

static uint32_t count_ill(const struct status_zone *z)
{
    uint32_t ill = 0;
    for (size_t i = 0; i < z->replica_count; i++)
        ill += z->replicas[i].ails_ms > 0;
    return ill;
}

static bool zone_is_ill(const struct status_cell *cell, size_t zone)
{
    uint32_t ill = 0, all = 0;
    for (size_t i = 0; i < cell->zone_count; i++) {
        ill += i == zone ? 0 : count_ill(&cell->zones[i]);
        all += i == zone ? 0 : (uint32_t)cell->zones[i].replica_count;
    }
    const struct status_zone *z = &cell->zones[zone];
    return progress_zone_alone(count_ill(z), (uint32_t)z->replica_count, ill, all);
}

static bool is_first_of_zone(const struct status_zone *z, size_t service)
{
    for (size_t i = 0; i < z->replica_count; i++)
        if (z->replicas[i].ails_ms > z->replicas[service].ails_ms)
            return false;
    return true;
}

static struct cure_facts facts_of(const struct cure *cure, const struct status_cell *cell,
                                  size_t zone, size_t service, uint32_t needed)
{
    const struct status_zone *z = &cell->zones[zone];
    const struct status_replica *own = &z->replicas[service];
    struct cure_facts f = {.pid = own->pid > 0 ? own->pid : 0,
                           .ails_us = own->ails_ms > 0 ? own->ails_ms * 1000 : 0,
                           .needed = needed};
    if (f.ails_us == 0) /* the rest is not asked */
        return f;
    f.zone_ill = zone_is_ill(cell, zone) || !is_first_of_zone(z, service);
    for (size_t i = 0; i < cell->zone_count; i++) {
        const struct status_replica *r = &cell->zones[i].replicas[service];
        f.all++;
        f.ill += r->ails_ms > 0;
        if (i == zone)
            continue;
        f.serving += health_serves(r->health);
        f.busy |=
            r->health == STATUS_STARTING || cure[i * z->replica_count + service].asked_us >= 0;
    }
    return f;
}

void cure_cell(struct cure *cure, const struct status_cell *cell, uint32_t needed, int64_t now_us,
               void (*act)(void *context, size_t zone, size_t service, enum cure_act what),
               void *context)
{
    for (size_t i = 0; i < cell->zone_count; i++) {
        size_t services = cell->zones[i].replica_count;
        for (size_t k = 0; k < services; k++) {
            struct cure_facts f = facts_of(cure, cell, i, k, needed);
            enum cure_act what = cure_look(&cure[i * services + k], &f, now_us);
            if (what != CURE_NOTHING)
                act(context, i, k, what);
        }
    }
}

/* ---- in words ---- */

/* "restarted 2 times for that"; "" when it was not */
static int tell_tries(const struct cure *c, char out[CURE_WORDS_MAX])
{
    out[0] = '\0';
    return c->tries == 0 ? 0
                         : snprintf(out, CURE_WORDS_MAX, "restarted %" PRIu32 " time%s for that",
                                    c->tries, c->tries == 1 ? "" : "s");
}

static void tell_next(const struct cure *c, int64_t now_us, char *out, size_t size)
{
    char left[DURATION_TEXT_MAX];
    if (c->tries == 0 || c->next_us <= now_us)
        return;
    duration_format(left, (c->next_us - now_us + 999999) / 1000000 * 1000000);
    snprintf(out, size, ", again in %s at the earliest", left);
}

void cure_words(const struct cure *c, int64_t now_us, char out[CURE_WORDS_MAX])
{
    out[0] = '\0';
    if (c->why == CURE_WELL)
        return;
    size_t used = (size_t)tell_tries(c, out), size = CURE_WORDS_MAX - used;
    const char *and = used == 0 ? "" : ", ";
    char *at = out + used;
    switch (c->why) {
    case CURE_WELL:
    case CURE_ENDING:
        break;
    case CURE_EARLY:
        tell_next(c, now_us, at, size);
        break;
    case CURE_SPENT:
        snprintf(at, size, " without help: left alone until it is well");
        break;
    case CURE_COMMON:
        snprintf(at, size, "%snot restarted: half of its like or more ail", and);
        break;
    case CURE_ZONE:
        snprintf(at, size, "%snot restarted: its zone ails, or another in it for longer", and);
        break;
    case CURE_NEEDED:
        snprintf(at, size, "%snot restarted: %" PRIu32 " other%s, %" PRIu32 " have to", and,
                 c->serving, c->serving == 1 ? " serves" : "s serve", c->needed);
        break;
    case CURE_BUSY:
        snprintf(at, size, "%snot restarted: another of its like is, just now", and);
        break;
    }
}
