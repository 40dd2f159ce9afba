/* state.h - the folder of a live system: made whole or not at all, and read by all who work in it.
 *
 * docs/LIVE.md says what is in it. `bulkhead.json` is written last: where it is, the rest is. */
#ifndef COMMANDS_STATE_H
#define COMMANDS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/layout.h"
#include "base/topo.h"
#include "commands/files.h"

struct arena;
struct error;

#define STATE_DIR_DEFAULT ".bulkhead"

struct state { /* everything lives in the arena */
    const char *dir;
    const char *name; /* the topology's */
    const char *text; /* of topology.json */
    size_t len;
    struct files_text times[TOPO_SERVICES_MAX]; /* of the empirical services */
    struct topo topo;
    struct layout layout; /* points to `topo` and `dir` */
};

enum state_found {
    STATE_NONE,       /* no folder, or an empty one */
    STATE_UNFINISHED, /* one that was being made: nothing has run in it */
    STATE_WHOLE,
};

/* See what is there. 0 with *found set, or -1 with `err` set when it must be left alone: it cannot
 * be read, is someone else's or not a state folder, or lacks parts. */
int state_look(enum state_found *found, const char *dir, struct error *err);

/* Read a whole one. 0, or -1 with `err` set. `s` stays where it is. */
int state_open(struct state *s, const char *dir, struct arena *a, struct error *err);

/* Check what is to become one and fill `s`, writing nothing. 0, or -1 with `err` set. */
int state_plan(struct state *s, const char *dir, const char *topology_path, int64_t port,
               int64_t doors, struct arena *a, struct error *err);

/* Make the folder of a planned state, which state_look found to be NONE or UNFINISHED. */
int state_make(const struct state *s, struct arena *a, struct error *err);

/* Write bulkhead.json anew, after a change of s->layout. */
int state_rewrite(const struct state *s, struct arena *a, struct error *err);

/* Make the folders below it that are missing. */
int state_make_folders(const struct state *s, struct arena *a, struct error *err);

/* Keep other commands from changing the system: a lock on the folder until `fd` is closed. *fd, or
 * -1 with `err` set, ERR_CONFLICT when another has it. */
int state_lock(const char *dir, struct error *err);

/* Validate a folder, and say on `out` what it is and what runs in it. 0, or -1 with `err` set. */
int state_check(const char *dir, FILE *out, struct error *err);

#endif
