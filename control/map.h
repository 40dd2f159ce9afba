/* map.h - whose a path is: which cell serves its country, and which service in it.
 *
 * A door makes it once from the topology, a smart client from each partition map. Outside are the
 * services of
 * "/de/customers", "/de/vendors", "/de/items" and "/de/orders", with an ID behind or without; what
 * else a replica answers is for its own cell. */
#ifndef CONTROL_MAP_H
#define CONTROL_MAP_H

#include <stddef.h>
#include <stdint.h>

struct layout;

enum { MAP_LETTERS = 26, MAP_PATHS = 4, MAP_NO_CELL = UINT16_MAX };

struct map {                                  /* fields are private to map.c */
    uint16_t cell[MAP_LETTERS * MAP_LETTERS]; /* by the two letters; MAP_NO_CELL: of nobody */
    size_t service[MAP_PATHS];
};

/* Nobody serves any country; services are numbered as in enum layout_service. */
void map_clear(struct map *m);

/* `cell` serves the country of these two letters. */
void map_country(struct map *m, const char *country, size_t cell);

/* What a layout says. Countries are in paths by their two letters in lower case. */
void map_init(struct map *m, const struct layout *l);

enum map_found {
    MAP_SERVICE,    /* `place` says whose it is */
    MAP_NO_COUNTRY, /* nobody serves that country */
    MAP_NO_PATH,    /* nothing that is outside */
};

struct map_place {
    size_t cell, service; /* indices into the topology's */
};

/* Where a request goes, by its path and query as sent. `place` is set by MAP_SERVICE only. */
enum map_found map_route(const struct map *m, const char *target, struct map_place *place);

#endif
