#include "control/partition.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "control/status.h"

const char *const partition_state_words[] = {"in", "down", "out", NULL};

static const struct json_field replica_fields[] = {
    JSON_STR(struct partition_replica, service, "service", .required = true,
             .doc = "customer, vendor, catalog or order"),
    JSON_STR(struct partition_replica, zone, "zone", .required = true, .doc = "Where it runs"),
    JSON_I64(struct partition_replica, port, "port", 1, 65535, .required = true,
             .doc = "Where it listens on 127.0.0.1"),
    JSON_WORD(struct partition_replica, state, "state", partition_state_words, .preset = "in",
              .doc =
                  "Whether it takes part; `down`: it did not answer control, `out`: taken out on "
                  "purpose"),
    JSON_END,
};

static const struct json_field cell_fields[] = {
    JSON_STR(struct partition_cell, name, "name", .required = true, .doc = "The cell's name"),
    JSON_STRS(struct partition_cell, countries, country_count, "countries", .required = true,
              .count_min = 1, .doc = "The countries it serves, as they stand in paths"),
    JSON_LIST(struct partition_cell, replicas, replica_count, "replicas", struct partition_replica,
              replica_fields, .required = true, .count_min = 1, .doc = "Who serves them"),
    JSON_END,
};

static const struct json_field door_fields[] = {
    JSON_I64(struct partition_door, port, "port", 1, 65535, .required = true,
             .doc = "Where it listens on 127.0.0.1"),
    JSON_END,
};

const struct json_field partition_fields[] = {
    JSON_I64(struct partition, format, "format", PARTITION_FORMAT, PARTITION_FORMAT,
             .required = true, .doc = "How this is written"),
    JSON_I64(struct partition, version, "version", 0, 9007199254740991, .required = true,
             .doc = "Rises with each change; 0: as the topology has it"),
    JSON_STR(struct partition, system, "system", .nullable = true, .doc = "The topology's name"),
    JSON_LIST(struct partition, doors, door_count, "doors", struct partition_door, door_fields,
              .required = true, .count_min = 1, .count_max = LAYOUT_DOORS_MAX,
              .doc = "The front doors: any of them will do"),
    JSON_OBJECT(struct partition, policy, "policy", topo_policy_fields,
                .doc = "How to choose among replicas, to wait and to try again"),
    JSON_LIST(struct partition, cells, cell_count, "cells", struct partition_cell, cell_fields,
              .required = true, .count_min = 1, .count_max = TOPO_CELLS_MAX,
              .doc = "Who serves which country"),
    JSON_END,
};

/* ---- made from a topology ---- */

static int make_cell(struct partition_cell *to, const struct layout *l, size_t index,
                     struct arena *a)
{
    const struct topo_cell *from = &l->topo->cells[index];
    size_t services = l->topo->service_count;
    *to = (struct partition_cell){.name = from->name,
                                  .country_count = from->country_count,
                                  .replica_count = from->zone_count * services};
    to->countries = arena_alloc(a, to->country_count, sizeof to->countries[0]);
    to->replicas = arena_alloc(a, to->replica_count, sizeof to->replicas[0]);
    if (to->countries == NULL || to->replicas == NULL)
        return -1;
    for (size_t i = 0; i < to->country_count; i++) {
        const char *name = from->countries[i];
        to->countries[i] =
            arena_string(a, (const char[]){(char)(name[0] | 0x20), (char)(name[1] | 0x20)}, 2);
        if (to->countries[i] == NULL)
            return -1;
    }
    for (size_t zone = 0; zone < from->zone_count; zone++)
        for (size_t i = 0; i < services; i++)
            to->replicas[zone * services + i] =
                (struct partition_replica){.service = l->topo->services[i].name,
                                           .zone = from->zones[zone],
                                           .port = layout_port(l, index, zone, i)};
    return 0;
}

int partition_of(struct partition *p, const struct layout *l, const char *system, struct arena *a)
{
    *p = (struct partition){.format = PARTITION_FORMAT,
                            .system = system,
                            .door_count = (size_t)l->doors,
                            .policy = l->topo->policy,
                            .cell_count = l->topo->cell_count};
    p->doors = arena_alloc(a, p->door_count, sizeof p->doors[0]);
    p->cells = arena_alloc(a, p->cell_count, sizeof p->cells[0]);
    if (p->doors == NULL || p->cells == NULL)
        return -1;
    for (int i = 0; i < l->doors; i++)
        p->doors[i].port = layout_door_port(l, i);
    for (size_t i = 0; i < p->cell_count; i++)
        if (make_cell(&p->cells[i], l, i, a) != 0)
            return -1;
    return 0;
}

/* ---- read ---- */

static bool is_service(const char *name)
{
    for (size_t i = 0; layout_service_words[i] != NULL; i++)
        if (strcmp(layout_service_words[i], name) == 0)
            return true;
    return false;
}

static int check_replicas(const struct partition_cell *c, size_t index, struct error *err)
{
    if (c->replica_count > TOPO_ZONES_MAX * TOPO_SERVICES_MAX)
        return error_set(err, ERR_LIMIT, "cells[%zu].replicas: more than %d", index,
                         TOPO_ZONES_MAX * TOPO_SERVICES_MAX);
    for (size_t i = 0; i < c->replica_count; i++) {
        const struct partition_replica *r = &c->replicas[i];
        if (!is_service(r->service))
            return error_set(err, ERR_UNKNOWN,
                             "cells[%zu].replicas[%zu].service: there is no \"%.40s\"", index, i,
                             r->service);
        for (size_t k = 0; k < i; k++)
            if (strcmp(c->replicas[k].service, r->service) == 0 &&
                strcmp(c->replicas[k].zone, r->zone) == 0)
                return error_set(err, ERR_DUPLICATE,
                                 "cells[%zu].replicas[%zu]: zone %.40s has its %s already", index,
                                 i, r->zone, r->service);
    }
    return 0;
}

enum { LETTERS = 26 };

static int check(const struct partition *p, struct error *err)
{
    bool seen[LETTERS * LETTERS] = {false};
    for (size_t i = 0; i < p->cell_count; i++) {
        const struct partition_cell *c = &p->cells[i];
        for (size_t k = 0; k < c->country_count; k++) {
            const char *name = c->countries[k];
            if (strlen(name) != 2 || name[0] < 'a' || name[0] > 'z' || name[1] < 'a' ||
                name[1] > 'z')
                return error_set(err, ERR_RANGE,
                                 "cells[%zu].countries[%zu]: expected two letters in lower case, "
                                 "got \"%.40s\"",
                                 i, k, name);
            bool *here = &seen[(name[0] - 'a') * LETTERS + name[1] - 'a'];
            if (*here)
                return error_set(err, ERR_DUPLICATE,
                                 "cells[%zu].countries[%zu]: %s is served already", i, k, name);
            *here = true;
        }
        if (check_replicas(c, i, err) != 0)
            return -1;
    }
    return 0;
}

int partition_parse(struct partition *p, const char *text, size_t len, struct arena *a,
                    struct error *err)
{
    struct partition new;
    if (len > PARTITION_BYTES_MAX)
        return error_set(err, ERR_LIMIT, "a map of %zu bytes: %d are the most", len,
                         PARTITION_BYTES_MAX);
    if (json_decode(&new, sizeof new, partition_fields, text, len, NULL, 0, a, err) != 0 ||
        check(&new, err) != 0)
        return -1;
    *p = new;
    return 0;
}

int64_t partition_version_of(const char *text, size_t len)
{
    struct arena a = {0};
    struct partition p;
    struct error err;
    int64_t version = partition_parse(&p, text, len, &a, &err) == 0 ? p.version : -1;
    arena_release(&a);
    return version;
}

char *partition_print(const struct partition *p, struct arena *a)
{
    return json_encode(p, partition_fields, a);
}

/* ---- compared ---- */

static bool same_cell(const struct partition_cell *a, const struct partition_cell *b)
{
    bool same = strcmp(a->name, b->name) == 0 && a->country_count == b->country_count &&
                a->replica_count == b->replica_count;
    for (size_t i = 0; same && i < a->country_count; i++)
        same = strcmp(a->countries[i], b->countries[i]) == 0;
    for (size_t i = 0; same && i < a->replica_count; i++) {
        const struct partition_replica *x = &a->replicas[i], *y = &b->replicas[i];
        same = strcmp(x->service, y->service) == 0 && strcmp(x->zone, y->zone) == 0 &&
               x->port == y->port;
    }
    return same;
}

int partition_same(const struct partition *p, const struct partition *is, struct error *err)
{
    bool same = p->cell_count == is->cell_count && p->door_count == is->door_count;
    for (size_t i = 0; same && i < is->door_count; i++)
        same = p->doors[i].port == is->doors[i].port;
    if (!same)
        return error_set(err, ERR_CONFLICT, "it is the map of another system");
    for (size_t i = 0; i < p->cell_count; i++)
        if (!same_cell(&p->cells[i], &is->cells[i]))
            return error_set(err, ERR_CONFLICT, "cells[%zu] is of another system: this one has %s",
                             i, is->cells[i].name);
    return 0;
}

/* ---- what control sees ---- */

/* Only what is known to be so counts: no news is no change. */
static int state_now(int state, const struct status_zone *zone, int health)
{
    if (state == PARTITION_OUT) /* that is for who took it out to say */
        return state;
    if (zone->health == STATUS_DOWN || health == STATUS_DOWN)
        return PARTITION_DOWN;
    bool up = health == STATUS_OK || health == STATUS_IDLE || health == STATUS_DEGRADED;
    return up ? PARTITION_IN : state;
}

bool partition_observe(struct partition *p, const struct status *status)
{
    bool changed = false;
    for (size_t i = 0; i < p->cell_count && i < status->cell_count; i++) {
        const struct status_cell *cell = &status->cells[i];
        struct partition_replica *r = p->cells[i].replicas;
        const struct partition_replica *end = r + p->cells[i].replica_count;
        for (size_t zone = 0; zone < cell->zone_count; zone++)
            for (size_t k = 0; k < cell->zones[zone].replica_count && r < end; k++, r++) {
                int health = cell->zones[zone].replicas[k].health;
                int state = state_now(r->state, &cell->zones[zone], health);
                changed = changed || state != r->state;
                r->state = state;
            }
    }
    return changed;
}

int64_t partition_version(int64_t last, int64_t now_ms)
{
    return now_ms > last ? now_ms : last + 1;
}
