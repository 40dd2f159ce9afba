/* lease.h - the faults that are on: each keeps a part of the system down until its end.
 *
 * They are kept in a file, with ends by the wall clock, so that they outlive the process that
 * injected them and end without it. Pure: time comes in as milliseconds since 1970. */
#ifndef CONTROL_LEASE_H
#define CONTROL_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;
struct topo;

enum { LEASES_MAX = 64, LEASE_SCOPE_MAX = 136 };
#define LEASE_ALL SIZE_MAX /* every zone, every service */

enum lease_kind { LEASE_CELL_DOWN, LEASE_ZONE_DOWN, LEASE_SERVICE_DOWN, LEASE_SERVER_DOWN };
extern const char *const lease_kind_words[]; /* by kind, ended by NULL */

struct lease {
    int64_t id; /* > 0 */
    int kind;   /* enum lease_kind */
    char scope[LEASE_SCOPE_MAX];
    int64_t ends_ms;
    size_t cell, zone, service; /* what the scope names; LEASE_ALL where it does not */
};

struct leases {
    struct lease lease[LEASES_MAX]; /* [count], oldest first */
    size_t count;
    int64_t id_last;
};

/* Read the file's text. 0, or -1 with `err` set and `*l` untouched. */
int leases_parse(struct leases *l, const char *text, size_t len, const struct topo *topo,
                 struct error *err);

/* The file's text; NULL when memory is out. */
char *leases_print(const struct leases *l, struct arena *a);

/* Take a request, {"kind": "zone-down", "scope": "de/a", "for": "5s"}. 0 with the new lease in
 * `l`, its place in *added, or -1 with `err` set: ERR_LIMIT when LEASES_MAX are on. */
int leases_add(struct leases *l, const char *request, size_t len, const struct topo *topo,
               int64_t now_ms, const struct lease **added, struct error *err);

/* End the lease of `id` (0: any) at `scope` (NULL: anywhere). How many there were. */
size_t leases_end(struct leases *l, int64_t id, const char *scope);

/* Take out one whose time has come, into `*over`. False when there is none. */
bool leases_expire(struct leases *l, int64_t now_ms, struct lease *over);

/* The lease that keeps this down and ends last, NULL for none. `service` LEASE_ALL asks for the
 * zone as a whole: those of single services do not count. */
const struct lease *leases_hold(const struct leases *l, size_t cell, size_t zone, size_t service,
                                int64_t now_ms);

#endif
