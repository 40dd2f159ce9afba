/* partition.h - the partition map: which cell serves a country, where its replicas are, and which
 * of them take part; with a version that rises with each change.
 *
 * Control makes it from what it knows and keeps it in a file (control/live/map_file.h); doors hold
 * the last one and hand it out; a smart client goes by it straight to a replica. Who has one needs
 * nobody's permission to go on: a stale map is put right by the answers that it leads to.
 * docs/map.schema.json is printed from the table. */
#ifndef CONTROL_PARTITION_H
#define CONTROL_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/topo.h"

struct arena;
struct error;
struct layout;
struct status;

enum { PARTITION_BYTES_MAX = 4 << 20, PARTITION_FORMAT = 1 };

enum partition_state {
    PARTITION_IN,   /* takes part */
    PARTITION_DOWN, /* did not answer when control looked: a hint for who comes new. Who has been
                       asking there goes by what it saw itself */
    PARTITION_OUT,  /* taken out on purpose: not to be asked */
};
extern const char *const partition_state_words[]; /* by state, ended by NULL */

struct partition_replica {
    const char *service; /* one of layout_service_words */
    const char *zone;
    int64_t port; /* on 127.0.0.1 */
    int state;    /* enum partition_state */
};

struct partition_cell {
    const char *name;
    const char **countries; /* "de", as in paths */
    size_t country_count;
    struct partition_replica *replicas;
    size_t replica_count;
};

struct partition_door {
    int64_t port;
};

struct partition {
    int64_t format;
    int64_t version; /* 0: as the topology has it, nobody has looked */
    const char *system;
    struct partition_door *doors;
    size_t door_count;
    struct topo_policy policy; /* how to ask */
    struct partition_cell *cells;
    size_t cell_count;
};

/* The table. */
extern const struct json_field partition_fields[];

/* The map of a system of which nobody has looked at the parts: all take part, version 0. Strings
 * are the topology's or in `a`. 0, or -1 when memory is out. */
int partition_of(struct partition *p, const struct layout *l, const char *system, struct arena *a);

/* Read one that somebody else wrote. 0, or -1 with `err` set and `*p` untouched. */
int partition_parse(struct partition *p, const char *text, size_t len, struct arena *a,
                    struct error *err);

/* The version of a map's text; -1 when it is no map. */
int64_t partition_version_of(const char *text, size_t len);

/* Its text; NULL when memory is out. */
char *partition_print(const struct partition *p, struct arena *a);

/* Whether two are maps of the same parts, whatever their states, versions and policies. 0, or -1
 * with `err` set: ERR_CONFLICT, `p` is the wrong one. */
int partition_same(const struct partition *p, const struct partition *is, struct error *err);

/* Take what control sees now; `status` is of the same system. What is not known stays as it was.
 * True when a replica's state changed; the version is left to the caller. */
bool partition_observe(struct partition *p, const struct status *status);

/* The version of a change: one more than the last, and not below the wall clock, ms since 1970, so
 * that it rises even when the file with the last one was lost. */
int64_t partition_version(int64_t last, int64_t now_ms);

#endif
