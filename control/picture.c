#include "control/picture.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/doors.h"
#include "control/gossip_msg.h"
#include "control/pace.h"
#include "control/reasons.h"

enum { FRESH_PACES = 3 }; /* one answer may be late, or get lost */

/* ---- storage ---- */

static int init_zone(struct picture *p, struct status_zone *to, struct picture_zone *zone,
                     size_t cell, size_t index, int64_t now_us, struct arena *a)
{
    const struct topo *topo = p->layout->topo;
    zone->said.heard_us = -1;
    zone->clock = (struct health_clock){STATUS_STARTING, now_us};
    *to = (struct status_zone){.name = topo->cells[cell].zones[index],
                               .health = STATUS_STARTING,
                               .wanted = (int64_t)topo->service_count,
                               .rps = NAN,
                               .share = NAN,
                               .errors = NAN,
                               .p99_ms = NAN,
                               .why = zone->why};
    to->replica_count = topo->service_count;
    to->replicas = arena_alloc(a, to->replica_count, sizeof to->replicas[0]);
    if (to->replicas == NULL)
        return -1;
    for (size_t i = 0; i < to->replica_count; i++)
        to->replicas[i] = (struct status_replica){.service = topo->services[i].name,
                                                  .port = layout_port(p->layout, cell, index, i),
                                                  .why = "",
                                                  .health = STATUS_STARTING};
    return 0;
}

static int init_cell(struct picture *p, size_t index, int64_t now_us, struct arena *a)
{
    const struct topo_cell *from = &p->layout->topo->cells[index];
    struct status_cell *to = &p->status.cells[index];
    struct picture_cell *cell = &p->cell[index];
    cell->clock = (struct health_clock){STATUS_STARTING, now_us};
    cell->zone = arena_alloc(a, from->zone_count, sizeof cell->zone[0]);
    *to = (struct status_cell){.name = from->name,
                               .countries = from->countries,
                               .country_count = from->country_count,
                               .region = from->region,
                               .health = STATUS_STARTING,
                               .rps = NAN,
                               .errors = NAN,
                               .p99_ms = NAN,
                               .lost = -1,
                               .why = cell->why,
                               .zone_count = from->zone_count};
    to->zones = arena_alloc(a, to->zone_count, sizeof to->zones[0]);
    if (cell->zone == NULL || to->zones == NULL ||
        hearsay_init(&cell->hearsay, p->layout, index, a) != 0)
        return -1;
    for (size_t i = 0; i < to->zone_count; i++)
        if (init_zone(p, &to->zones[i], &cell->zone[i], index, i, now_us, a) != 0)
            return -1;
    return 0;
}

int picture_init(struct picture *p, const struct layout *l, const char *name, int64_t pid,
                 int64_t now_us, struct arena *a)
{
    int64_t often_us = FRESH_PACES * pace_us(layout_processes(l));
    *p = (struct picture){.layout = l,
                          .fresh_us = often_us > HEALTH_FRESH_US ? often_us : HEALTH_FRESH_US,
                          .began_us = now_us};
    for (int i = 0; i < l->doors; i++) {
        p->said[i].heard_us = -1;
        p->door[i].port = layout_door_port(l, i);
        doors_take(&p->door[i], NULL);
    }
    p->status = (struct status){.topology = name,
                                .control_pid = pid,
                                .port = l->port,
                                .rps = NAN,
                                .errors = NAN,
                                .requests = -1,
                                .lost = -1,
                                .doors = p->door,
                                .door_count = (size_t)l->doors,
                                .cell_count = l->topo->cell_count,
                                .faults = p->fault,
                                .events = p->shown};
    p->cell = arena_alloc(a, l->topo->cell_count, sizeof p->cell[0]);
    p->status.cells = arena_alloc(a, l->topo->cell_count, sizeof p->status.cells[0]);
    if (p->cell == NULL || p->status.cells == NULL)
        return -1;
    for (size_t i = 0; i < l->topo->cell_count; i++)
        if (init_cell(p, i, now_us, a) != 0)
            return -1;
    return 0;
}

void picture_release(struct picture *p)
{
    arena_release(&p->sum);
    for (size_t i = 0; i < LAYOUT_DOORS_MAX; i++)
        arena_release(&p->said[i].arena);
    for (size_t i = 0; p->cell != NULL && i < p->status.cell_count; i++)
        for (size_t k = 0; k < p->status.cells[i].zone_count; k++)
            arena_release(&p->cell[i].zone[k].said.arena);
}

/* ---- hearing ---- */

void picture_event(struct picture *p, int64_t now_us, const char *format, ...)
{
    struct picture_event *event = &p->event[p->event_count++ % PICTURE_EVENTS_MAX];
    va_list args;
    event->at_us = now_us;
    va_start(args, format);
    vsnprintf(event->text, sizeof event->text, format, args);
    va_end(args);
}

void picture_agent(struct picture *p, size_t cell, size_t zone, int64_t pid,
                   const struct supervise *rule, const char *last, int64_t now_us)
{
    char words[SUPERVISE_WORDS_MAX];
    struct picture_zone *z = &p->cell[cell].zone[zone];
    z->agent_pid = pid;
    z->agent_ends = supervise_ends(rule, now_us);
    supervise_words(rule, now_us, words);
    bool why = words[0] != '\0' && last[0] != '\0';
    snprintf(z->agent_words, sizeof z->agent_words, "%s%s%s", words, why ? ": " : "",
             why ? last : "");
}

/* Decode into a new arena, so that what was said before stays when this is nonsense. */
static int decode(struct picture_said *said, const char *text, size_t len, struct error *err)
{
    said->arena = (struct arena){0};
    if (json_decode(&said->status, sizeof said->status, status_fields, text, len, NULL, 0,
                    &said->arena, err) == 0)
        return 0;
    arena_release(&said->arena);
    return -1;
}

static void keep(struct picture_said *said, const struct picture_said *new, int64_t now_us)
{
    arena_release(&said->arena);
    *said = *new;
    said->heard_us = now_us;
}

/* Whether a status is that of one zone with the replicas that we know. */
static bool is_of(const struct status *s, const struct status_cell *cell,
                  const struct status_zone *zone)
{
    if (s->cell_count != 1 || s->cells[0].zone_count != 1)
        return false;
    const struct status_zone *said = &s->cells[0].zones[0];
    if (strcmp(s->cells[0].name, cell->name) != 0 || strcmp(said->name, zone->name) != 0 ||
        said->replica_count != zone->replica_count)
        return false;
    for (size_t i = 0; i < zone->replica_count; i++)
        if (strcmp(said->replicas[i].service, zone->replicas[i].service) != 0)
            return false;
    return true;
}

int picture_agent_said(struct picture *p, size_t cell, size_t zone, const char *text, size_t len,
                       int64_t now_us, struct error *err)
{
    struct status_cell *c = &p->status.cells[cell];
    struct status_zone *z = &c->zones[zone];
    struct picture_said *said = &p->cell[cell].zone[zone].said;
    struct picture_said new;
    if (decode(&new, text, len, err) != 0)
        return -1;
    if (!is_of(&new.status, c, z)) {
        arena_release(&new.arena);
        return error_set(err, ERR_CONFLICT, "what answers there is not the agent of %s/%s", c->name,
                         z->name);
    }
    for (size_t i = 0; said->heard_us >= 0 && i < z->replica_count; i++) {
        const struct status_replica *now = &new.status.cells[0].zones[0].replicas[i];
        const struct status_replica *before = &said->status.cells[0].zones[0].replicas[i];
        if (now->restarts > before->restarts)
            picture_event(p, now_us, "%s/%s: %s was started again", c->name, z->name, now->service);
    }
    keep(said, &new, now_us);
    return 0;
}

void picture_cure(struct picture *p, size_t cell, size_t zone, const char *words)
{
    struct picture_zone *z = &p->cell[cell].zone[zone];
    snprintf(z->cure, sizeof z->cure, "%s", words);
}

void picture_door(struct picture *p, size_t door, int64_t pid)
{
    p->door[door].pid = pid;
    p->status.door_pid = p->door[0].pid;
}

struct door_place {
    struct picture *picture;
    size_t door;
    int64_t now_us;
};

static void on_reason(void *context, const char *text)
{
    const struct door_place *place = context;
    struct picture *p = place->picture;
    if (p->status.door_count == 1)
        picture_event(p, place->now_us, "door: %s", text);
    else
        picture_event(p, place->now_us, "door %zu: %s", place->door + 1, text);
}

int picture_door_said(struct picture *p, size_t door, const char *text, size_t len, int64_t now_us,
                      struct error *err)
{
    struct picture_said new, *said = &p->said[door];
    struct door_place place = {p, door, now_us};
    if (decode(&new, text, len, err) != 0)
        return -1;
    if (new.status.door_count != 1) {
        arena_release(&new.arena);
        return error_set(err, ERR_CONFLICT, "what answers there is no door");
    }
    reasons_compare(said->heard_us < 0 ? NULL : &said->status.doors[0], &new.status.doors[0],
                    on_reason, &place);
    keep(said, &new, now_us);
    return 0;
}

/* ---- judging ---- */

static bool fresh(const struct picture *p, const struct picture_said *said, int64_t now_us)
{
    return said->heard_us >= 0 && now_us - said->heard_us <= p->fresh_us;
}

static const struct status_cell *cell_of(const struct status *s, const char *name)
{
    for (size_t i = 0; i < s->cell_count; i++)
        if (strcmp(s->cells[i].name, name) == 0)
            return &s->cells[i];
    return NULL;
}

static const struct status_zone *zone_of(const struct status_cell *cell, const char *name)
{
    for (size_t i = 0; cell != NULL && i < cell->zone_count; i++)
        if (strcmp(cell->zones[i].name, name) == 0)
            return &cell->zones[i];
    return NULL;
}

/* What the door says of a cell; what it does not say is not known. */
static void take_traffic(struct status_cell *cell, const struct status *door)
{
    const struct status_cell *from = door == NULL ? NULL : cell_of(door, cell->name);
    cell->rps = from == NULL ? NAN : from->rps;
    cell->errors = from == NULL ? NAN : from->errors;
    cell->p99_ms = from == NULL ? NAN : from->p99_ms;
    cell->lost = from == NULL ? -1 : from->lost;
    for (size_t i = 0; i < cell->zone_count; i++) {
        struct status_zone *zone = &cell->zones[i];
        const struct status_zone *seen = zone_of(from, zone->name);
        zone->rps = seen == NULL ? NAN : seen->rps;
        zone->share = seen == NULL ? NAN : seen->share;
        zone->errors = seen == NULL ? NAN : seen->errors;
        zone->p99_ms = seen == NULL ? NAN : seen->p99_ms;
    }
}

/* Replicas as the agent said, or as nobody knows. */
static void take_replicas(struct status_zone *zone, const struct picture_said *said, bool known,
                          bool held)
{
    zone->up = 0;
    for (size_t i = 0; i < zone->replica_count; i++) {
        struct status_replica *to = &zone->replicas[i];
        to->why = "";
        to->ails_ms = 0;
        if (held) {
            to->pid = 0;
            to->health = STATUS_DOWN;
        } else if (known) {
            const struct status_replica *from = &said->status.cells[0].zones[0].replicas[i];
            to->pid = from->pid;
            to->health = from->health;
            to->restarts = from->restarts;
            to->ails_ms = from->ails_ms;
            to->why = from->why;
        } else if (said->heard_us >= 0) {
            to->health = STATUS_UNKNOWN;
        }
        zone->up += health_serves(to->health);
    }
    if (!known && !held && said->heard_us >= 0)
        zone->up = -1;
}

static void judge_zone(struct picture *p, size_t cell, size_t index, const struct leases *leases,
                       int64_t now_us)
{
    struct status_cell *c = &p->status.cells[cell];
    struct status_zone *zone = &c->zones[index];
    struct picture_zone *z = &p->cell[cell].zone[index];
    const struct lease *lease =
        leases_hold(leases, p->layout->topo, cell, index, LEASE_ALL, now_us);
    bool known = lease == NULL && fresh(p, &z->said, now_us);
    char fault[64] = "";
    if (lease != NULL)
        snprintf(fault, sizeof fault, "fault %lld %s", (long long)lease->id,
                 scenario_fault_words[lease->fault.kind]);
    if (lease != NULL) { /* it comes back as if for the first time */
        z->ready_once = false;
        z->said.heard_us = -1;
    }
    take_replicas(zone, &z->said, known, lease != NULL);
    z->ready_once = z->ready_once || zone->up == zone->wanted;
    zone->agent_pid = lease != NULL ? 0 : z->agent_pid; /* it waits for the fault's end */
    zone->ends = known ? z->said.status.cells[0].zones[0].ends : 0;
    zone->ends = z->agent_ends > zone->ends ? z->agent_ends : zone->ends;
    const struct health_facts facts = {
        .ready_once = z->ready_once,
        .heard_us_ago = z->said.heard_us < 0 ? -1 : now_us - z->said.heard_us,
        .fresh_us = p->fresh_us,
        .agent_runs = z->agent_pid != 0,
        .buried = hearsay_zone_is_dead(&p->cell[cell].hearsay, index),
        .agent_words = z->agent_words,
        .fault = fault,
        .loop = known ? z->said.status.cells[0].zones[0].why : ""};
    zone->health = health_zone(zone, &facts, z->why);
    size_t used = strlen(z->why);
    if (used > 0 && z->cure[0] != '\0')
        snprintf(z->why + used, sizeof z->why - used, "; %s", z->cure);
    bool news = health_note(&z->clock, zone->health, now_us);
    zone->since_ms = (now_us - z->clock.since_us) / 1000;
    if (news)
        picture_event(p, now_us, "%s/%s is %s%s%s", c->name, zone->name,
                      health_is_well(zone->health) ? "OK" : status_health_words[zone->health],
                      z->why[0] == '\0' ? "" : ": ", z->why);
}

struct gossip_place {
    struct picture *picture;
    const char *cell;
    int64_t now_us;
};

static void on_hearsay(void *context, const struct status_member *now, int before)
{
    const struct gossip_place *place = context;
    char words[HEARSAY_WORDS_MAX];
    if (now->state == GOSSIP_ALIVE && before == GOSSIP_UNKNOWN)
        return;
    hearsay_words(now, before, words);
    picture_event(place->picture, place->now_us, "%s: %s", place->cell, words);
}

/* What the agents that answer say of each other and of the replicas. */
static void hear_gossip(struct picture *p, size_t index, int64_t now_us)
{
    struct status_cell *c = &p->status.cells[index];
    const struct status_gossip *said[TOPO_ZONES_MAX];
    struct gossip_place place = {p, c->name, now_us};
    size_t count = 0;
    for (size_t i = 0; i < c->zone_count; i++) {
        const struct picture_said *zone = &p->cell[index].zone[i].said;
        if (fresh(p, zone, now_us) && zone->status.cells[0].gossip.members > 0)
            said[count++] = &zone->status.cells[0].gossip;
    }
    hearsay_sum(&p->cell[index].hearsay, said, count, &c->gossip, on_hearsay, &place);
}

static void judge_cell(struct picture *p, size_t index, int64_t now_us)
{
    struct status_cell *c = &p->status.cells[index];
    struct picture_cell *cell = &p->cell[index];
    c->health = health_cell(c, cell->ready_once, cell->why);
    cell->ready_once = cell->ready_once || health_is_well(c->health);
    bool news = health_note(&cell->clock, c->health, now_us);
    c->since_ms = (now_us - cell->clock.since_us) / 1000;
    if (news)
        picture_event(p, now_us, "%s is %s%s%s", c->name,
                      health_is_well(c->health) ? "OK" : status_health_words[c->health],
                      cell->why[0] == '\0' ? "" : ": ", cell->why);
}

static void show_faults(struct picture *p, const struct leases *leases, int64_t now_us)
{
    p->status.fault_count = leases->count;
    for (size_t i = 0; i < leases->count; i++) {
        const struct lease *l = &leases->lease[i];
        int64_t left_us = l->ends_us > now_us ? l->ends_us - now_us : 0;
        scenario_fault_words_of(p->fault_text[i], &l->fault);
        p->fault[i] = (struct status_fault){.id = l->id,
                                            .kind = scenario_fault_words[l->fault.kind],
                                            .scope = l->scope,
                                            .parameters = p->fault_text[i],
                                            .who = l->who,
                                            .ends_in_ms = (left_us + 999) / 1000};
    }
}

static void show_events(struct picture *p, int64_t now_us)
{
    size_t count = p->event_count < PICTURE_EVENTS_MAX ? p->event_count : PICTURE_EVENTS_MAX;
    p->status.event_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct picture_event *e = &p->event[(p->event_count - 1 - i) % PICTURE_EVENTS_MAX];
        p->shown[i] = (struct status_event){.ago_ms = (now_us - e->at_us) / 1000, .text = e->text};
    }
}

/* All doors as one; NULL: none says anything. */
static const struct status *hear_doors(struct picture *p, int64_t now_us)
{
    const struct status *said[LAYOUT_DOORS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->status.door_count; i++) {
        bool heard = fresh(p, &p->said[i], now_us);
        doors_take(&p->door[i], heard ? &p->said[i].status.doors[0] : NULL);
        if (heard)
            said[count++] = &p->said[i].status;
    }
    arena_reset(&p->sum);
    return count == 0 ? NULL : doors_sum(said, count, &p->sum);
}

void picture_judge(struct picture *p, const struct leases *leases, int64_t now_us)
{
    struct status *s = &p->status;
    const struct status *said = hear_doors(p, now_us);
    bool door = said != NULL;
    s->rps = door ? said->rps : NAN;
    s->errors = door ? said->errors : NAN;
    s->requests = door ? said->requests : -1;
    s->lost = door ? said->lost : -1;
    s->healthy = true;
    for (size_t i = 0; i < s->door_count; i++)
        s->healthy = s->healthy && s->doors[i].answers; /* nobody is served without one */
    for (size_t i = 0; i < s->cell_count; i++) {
        take_traffic(&s->cells[i], said);
        hear_gossip(p, i, now_us);
        for (size_t k = 0; k < s->cells[i].zone_count; k++)
            judge_zone(p, i, k, leases, now_us);
        judge_cell(p, i, now_us);
        s->healthy = s->healthy && health_is_well(s->cells[i].health);
    }
    s->uptime_ms = (now_us - p->began_us) / 1000;
    show_faults(p, leases, now_us);
    show_events(p, now_us);
}
