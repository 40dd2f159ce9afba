/* layout.h - where a live system's parts are: ports, and paths below its state folder.
 *
 * A pure function of topology, folder and first port, so that every process knows them without
 * asking. docs/LIVE.md has the table. */
#ifndef BASE_LAYOUT_H
#define BASE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;
struct topo;

enum {
    LAYOUT_PORT_DEFAULT = 20000,
    LAYOUT_PORT_MAX = 32767, /* ephemeral ports begin behind it */
    LAYOUT_DOORS_MAX = 8,
};

enum layout_service { LAYOUT_CUSTOMER, LAYOUT_VENDOR, LAYOUT_CATALOG, LAYOUT_ORDER };
extern const char *const layout_service_words[]; /* by service, ended by NULL */

struct layout {
    const struct topo *topo;
    const char *dir;
    int port;
    int block; /* ports per cell */
    int doors; /* front doors, 1..LAYOUT_DOORS_MAX */
};

/* Both are borrowed. 0, or -1 with `err` set: the ports do not fit, or the topology's services are
 * not the four that live cells run. */
int layout_init(struct layout *l, const struct topo *topo, const char *dir, int port,
                struct error *err);

/* Let it have so many doors instead of one. 0, or -1 with `err` set: the ports do not fit. */
int layout_doors(struct layout *l, int doors, struct error *err);

/* The port of a door, by its index from 0: the first has l->port, the others follow the cells. */
int layout_door_port(const struct layout *l, int door);

/* A cell's processes have numbers: zone by zone its services, and behind them, as if it were one
 * more service, its agent. How many there are in a cell, and in all. */
size_t layout_members(const struct layout *l, size_t cell);
size_t layout_processes(const struct layout *l);
size_t layout_member(const struct layout *l, size_t zone, size_t service);

/* Each has a port of its own. `service` is an index into topo->services; their number is the
 * agent. */
int layout_member_port(const struct layout *l, size_t cell, size_t member);
int layout_port(const struct layout *l, size_t cell, size_t zone, size_t service);

/* Whose port it is: of a cell's zone. False when it is a door's, or nobody's. */
bool layout_place(const struct layout *l, int port, size_t *cell, size_t *zone);

/* Which of the four a topology's service is. */
enum layout_service layout_kind(const struct layout *l, size_t service);

/* Index into topo->services of one of the four. */
size_t layout_index(const struct layout *l, enum layout_service kind);

/* Paths, in `a`; NULL when memory is out. `suffix` is "pid", "log" or "sock". */
const char *layout_file(const struct layout *l, const char *name, struct arena *a);
const char *layout_door(const struct layout *l, int door, const char *suffix, struct arena *a);
const char *layout_agent(const struct layout *l, size_t cell, size_t zone, const char *suffix,
                         struct arena *a);
const char *layout_replica(const struct layout *l, size_t cell, size_t zone, size_t service,
                           const char *suffix, struct arena *a);
const char *layout_store(const struct layout *l, size_t cell, size_t service, struct arena *a);

#endif
