/* lease.h - the faults that are on in a live system, each until its end.
 *
 * Kinds, scopes and parameters are those of scenarios (base/scenario.h), read by the same table.
 * Each part of the system reads them from a file and works out what they mean for itself, so they
 * outlive whoever injected them and end without anybody. Ends are in microseconds of a clock that
 * nobody can set and that all processes of the machine share; it begins anew when the machine does,
 * which therefore has a name, and no lease outlives it. Pure: the time comes in. */
#ifndef BASE_LEASE_H
#define BASE_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scenario.h"

struct arena;
struct error;
struct topo;

enum { LEASES_MAX = 64, LEASE_SCOPE_MAX = 136, LEASE_WHO_MAX = 40, LEASE_BOOT_MAX = 40 };
#define LEASE_ALL SCENARIO_ANY /* every zone, every service */

struct lease {
    int64_t id;                  /* > 0 */
    struct scenario_fault fault; /* bound; its strings are the topology's, `scope` is below */
    char scope[LEASE_SCOPE_MAX];
    char who[LEASE_WHO_MAX]; /* injected it */
    int64_t ends_us;
};

struct leases {
    struct lease lease[LEASES_MAX]; /* [count], oldest first */
    size_t count;
    int64_t id_last;
    char boot[LEASE_BOOT_MAX]; /* the name of the machine's start that `ends_us` counts from */
};

/* Read the file's text. 0, or -1 with `err` set and `*l` untouched. */
int leases_parse(struct leases *l, const char *text, size_t len, const struct topo *topo,
                 struct error *err);

/* The file's text; NULL when memory is out. */
char *leases_print(const struct leases *l, struct arena *a);

/* Take a request, {"kind": "zone-down", "scope": "de/a", "for": "5s"}, of `who` (cut when it is too
 * long). 0 with the new lease in `l`, its place in *added, or -1 with `err` set: ERR_LIMIT when
 * LEASES_MAX are on. */
int leases_add(struct leases *l, const char *request, size_t len, const char *who,
               const struct topo *topo, int64_t now_us, const struct lease **added,
               struct error *err);

/* End the lease of `id` (0: any) at `scope` (NULL: anywhere). How many there were. */
size_t leases_end(struct leases *l, int64_t id, const char *scope);

/* Take out one whose time has come, into `*over`. False when there is none. */
bool leases_expire(struct leases *l, int64_t now_us, struct lease *over);

/* ---- what they mean, at a place and a time ---- */

/* The lease that keeps this down and ends last, NULL for none. `service` LEASE_ALL asks for the
 * zone as a whole: those of single services do not count. */
const struct lease *leases_hold(const struct leases *l, const struct topo *topo, size_t cell,
                                size_t zone, size_t service, int64_t now_us);

/* One of `kind` that concerns this cell and is on, NULL for none. */
const struct lease *leases_of(const struct leases *l, const struct topo *topo, int kind,
                              size_t cell, int64_t now_us);

/* What a server feels. Those that overlap are multiplied, and each error hits what the others have
 * left: as in simulated runs. */
struct lease_server {
    double slow;   /* work takes so many times as long */
    double errors; /* share of the answers that are errors */
    double store_slow;
    bool store_down, store_full;
    const struct lease *poison; /* a customer of the cell kills it; NULL: none */
};
void leases_server(const struct leases *l, const struct topo *topo, size_t cell, size_t zone,
                   size_t service, int64_t now_us, struct lease_server *out);

/* How much longer than else a message takes from one place of a cell to another, us; or LEASE_CUT:
 * it does not arrive. Places are as in topo_rtt_us: zones, and zone_count for the door, the stores
 * and all that is outside. */
#define LEASE_CUT INT64_MAX
int64_t leases_way_us(const struct leases *l, size_t cell, size_t from, size_t to, int64_t now_us);

/* How many times as much as else a country asks. */
double leases_surge(const struct leases *l, size_t country, int64_t now_us);

/* How many requests per second a country's poisonous customer sends; 0: there is none. */
double leases_poison(const struct leases *l, size_t country, int64_t now_us);
#define LEASE_POISON "poison" /* the code of that customer */

#endif
