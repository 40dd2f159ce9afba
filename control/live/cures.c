#include "control/live/cures.h"

#include <signal.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/lease.h"
#include "base/topo.h"
#include "control/pace.h"
#include "control/picture.h"
#include "wire/log.h"
#include "wire/process.h"

enum { LOOK_US = 1000000 }; /* of a small system: as often as a replica's progress is looked at */

int cures_init(struct cures *c, const struct layout *l, struct picture *picture,
               const struct leases *leases, int64_t now_us, struct arena *a)
{
    const struct topo *topo = l->topo;
    int64_t pace = pace_us(layout_processes(l));
    *c = (struct cures){.layout = l, .picture = picture, .leases = leases, .opts = cure_usual};
    if (pace > LOOK_US) /* ten looks, however far apart they are */
        c->opts.ails_us = c->opts.ails_us / LOOK_US * pace;
    c->cell = arena_alloc(a, topo->cell_count, sizeof(struct cure *));
    if (c->cell == NULL)
        return -1;
    for (size_t i = 0; i < topo->cell_count; i++) {
        size_t count = topo->cells[i].zone_count * topo->service_count;
        c->cell[i] = arena_alloc(a, count, sizeof c->cell[i][0]);
        if (c->cell[i] == NULL)
            return -1;
        for (size_t k = 0; k < count; k++)
            cure_init(&c->cell[i][k], &c->opts, now_us);
    }
    return 0;
}

/* Whoever has its pid file by now is signalled only if it is the process that was judged. */
static void end_replica(const struct cures *c, size_t zone, size_t service, int64_t pid, int signal)
{
    struct arena a = {0};
    struct process found = {.fd = -1};
    struct error err;
    const char *path = layout_replica(c->layout, c->at, zone, service, "pid", &a);
    if (path != NULL && process_find(&found, path, &err) != 0)
        log_line("%s", err.text);
    else if (path != NULL && found.pid != 0 && found.pid == pid)
        process_signal(&found, signal);
    process_release(&found);
    arena_release(&a);
}

static void act(void *context, size_t zone, size_t service, enum cure_act what)
{
    struct cures *c = context;
    const struct status_cell *cell = &c->picture->status.cells[c->at];
    const struct status_zone *z = &cell->zones[zone];
    const struct status_replica *r = &z->replicas[service];
    if (what == CURE_END)
        picture_event(c->picture, c->now_us, "%s/%s: %s (process %lld) is restarted: %s",
                      cell->name, z->name, r->service, (long long)r->pid, r->why);
    else
        log_line("%s/%s: %s (process %lld) does not end and is killed", cell->name, z->name,
                 r->service, (long long)r->pid);
    end_replica(c, zone, service, r->pid, what == CURE_END ? SIGTERM : SIGKILL);
}

/* "catalog: restarted 2 times for that, again in 1m40s at the earliest", of the first of a zone. */
static void tell(struct cures *c, size_t zone)
{
    const struct topo *topo = c->layout->topo;
    char words[CURE_WORDS_MAX], text[HEALTH_WHY_MAX] = "";
    for (size_t k = 0; k < topo->service_count && text[0] == '\0'; k++) {
        cure_words(&c->cell[c->at][zone * topo->service_count + k], c->now_us, words);
        if (words[0] != '\0')
            snprintf(text, sizeof text, "%s: %s", topo->services[k].name, words);
    }
    picture_cure(c->picture, c->at, zone, text);
}

void cures_look(struct cures *c, int64_t now_us)
{
    const struct topo *topo = c->layout->topo;
    c->now_us = now_us;
    for (c->at = 0; c->at < topo->cell_count; c->at++) {
        int64_t needed = (int64_t)topo->cells[c->at].zone_count - topo->tolerance.zones;
        if (leases_of(c->leases, topo, FAULT_CONTROL_DOWN, c->at, now_us) != NULL)
            continue;
        cure_cell(c->cell[c->at], &c->picture->status.cells[c->at],
                  (uint32_t)(needed > 1 ? needed : 1), now_us, act, c);
        for (size_t k = 0; k < topo->cells[c->at].zone_count; k++)
            tell(c, k);
    }
}
