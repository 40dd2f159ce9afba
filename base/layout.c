#include "base/layout.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"

const char *const layout_service_words[] = {"customer", "vendor", "catalog", "order", NULL};
enum { SERVICES = 4 };

int layout_init(struct layout *l, const struct topo *topo, const char *dir, int port,
                struct error *err)
{
    *l = (struct layout){.topo = topo, .dir = dir, .port = port, .doors = 1};
    for (int kind = 0; kind < SERVICES; kind++)
        if (layout_index(l, (enum layout_service)kind) == topo->service_count)
            return error_set(err, ERR_MISSING, "services: live cells need a service \"%s\"",
                             layout_service_words[kind]);
    if (topo->service_count != SERVICES)
        return error_set(err, ERR_UNKNOWN,
                         "services: live cells run customer, vendor, catalog and order only");
    for (size_t i = 0; i < topo->cell_count; i++) {
        int ports = (int)layout_members(l, i);
        if (ports > l->block)
            l->block = ports;
    }
    return layout_doors(l, 1, err);
}

int layout_doors(struct layout *l, int doors, struct error *err)
{
    long last = l->port + (long)l->topo->cell_count * l->block + doors - 1;
    if (doors < 1 || doors > LAYOUT_DOORS_MAX)
        return error_set(err, ERR_RANGE, "doors: expected 1..%d, got %d", LAYOUT_DOORS_MAX, doors);
    if (l->port < 1 || last > LAYOUT_PORT_MAX)
        return error_set(err, ERR_LIMIT,
                         "ports %d..%ld are needed, and they must lie in 1..%d: choose another "
                         "first port or fewer cells",
                         l->port, last, LAYOUT_PORT_MAX);
    l->doors = doors;
    return 0;
}

int layout_door_port(const struct layout *l, int door)
{
    return door == 0 ? l->port : l->port + (int)l->topo->cell_count * l->block + door;
}

size_t layout_members(const struct layout *l, size_t cell)
{
    return l->topo->cells[cell].zone_count * (l->topo->service_count + 1);
}

size_t layout_processes(const struct layout *l)
{
    size_t count = 0;
    for (size_t i = 0; i < l->topo->cell_count; i++)
        count += layout_members(l, i);
    return count;
}

size_t layout_member(const struct layout *l, size_t zone, size_t service)
{
    return zone * (l->topo->service_count + 1) + service;
}

int layout_member_port(const struct layout *l, size_t cell, size_t member)
{
    return l->port + 1 + (int)cell * l->block + (int)member;
}

int layout_port(const struct layout *l, size_t cell, size_t zone, size_t service)
{
    return layout_member_port(l, cell, layout_member(l, zone, service));
}

bool layout_place(const struct layout *l, int port, size_t *cell, size_t *zone)
{
    long at = (long)port - l->port - 1;
    if (at < 0 || at / l->block >= (long)l->topo->cell_count)
        return false;
    size_t member = (size_t)(at % l->block);
    *cell = (size_t)(at / l->block);
    *zone = member / (l->topo->service_count + 1);
    return member < layout_members(l, *cell);
}

enum layout_service layout_kind(const struct layout *l, size_t service)
{
    int kind = 0;
    while (kind < SERVICES - 1 &&
           strcmp(layout_service_words[kind], l->topo->services[service].name) != 0)
        kind++;
    return (enum layout_service)kind;
}

size_t layout_index(const struct layout *l, enum layout_service kind)
{
    size_t i = 0;
    while (i < l->topo->service_count &&
           strcmp(l->topo->services[i].name, layout_service_words[kind]) != 0)
        i++;
    return i;
}

const char *layout_file(const struct layout *l, const char *name, struct arena *a)
{
    return arena_format(a, "%s/%s", l->dir, name);
}

const char *layout_door(const struct layout *l, int door, const char *suffix, struct arena *a)
{
    return door == 0 ? arena_format(a, "%s/door.%s", l->dir, suffix)
                     : arena_format(a, "%s/door-%d.%s", l->dir, door + 1, suffix);
}

const char *layout_agent(const struct layout *l, size_t cell, size_t zone, const char *suffix,
                         struct arena *a)
{
    const struct topo_cell *c = &l->topo->cells[cell];
    return arena_format(a, "%s/zones/%s/%s/agent.%s", l->dir, c->name, c->zones[zone], suffix);
}

const char *layout_replica(const struct layout *l, size_t cell, size_t zone, size_t service,
                           const char *suffix, struct arena *a)
{
    const struct topo_cell *c = &l->topo->cells[cell];
    return arena_format(a, "%s/zones/%s/%s/%s.%s", l->dir, c->name, c->zones[zone],
                        l->topo->services[service].name, suffix);
}

const char *layout_store(const struct layout *l, size_t cell, size_t service, struct arena *a)
{
    return arena_format(a, "%s/cells/%s/%s", l->dir, l->topo->cells[cell].name,
                        l->topo->services[service].name);
}
