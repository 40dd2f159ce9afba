/* picture.h - what the control process knows: it hears agents and the door, and judges.
 *
 * Pure: texts come in, a struct status comes out. What an agent and the door say is a status too
 * (control/status.h), with only what they know in it: an agent one cell with its one zone. Storage
 * for the system's parts is made once; what was said lives until the same one speaks again. */
#ifndef CONTROL_PICTURE_H
#define CONTROL_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/layout.h"
#include "base/lease.h"
#include "control/health.h"
#include "control/hearsay.h"
#include "control/status.h"
#include "control/supervise.h"

struct error;
struct layout;

enum { PICTURE_EVENTS_MAX = 64, PICTURE_EVENT_MAX = 256 };

struct picture_said { /* the last status that someone sent */
    struct arena arena;
    struct status status;
    int64_t heard_us; /* -1: never */
};

struct picture_zone {
    struct picture_said said;
    struct health_clock clock;
    bool ready_once;
    int64_t agent_pid;                /* 0: none */
    int64_t agent_ends;               /* of supervise_ends */
    char agent_words[HEALTH_WHY_MAX]; /* of supervise_words, and why */
    char cure[HEALTH_WHY_MAX];        /* what is done for one that ails */
    char why[HEALTH_WHY_MAX];
};

struct picture_cell {
    struct health_clock clock;
    bool ready_once;
    char why[HEALTH_WHY_MAX];
    struct picture_zone *zone;
    struct hearsay hearsay;
};

struct picture_event {
    int64_t at_us;
    char text[PICTURE_EVENT_MAX];
};

struct picture { /* read `status` after picture_judge; the rest is private to picture.c */
    const struct layout *layout;
    struct status status;
    struct picture_cell *cell;
    struct picture_said said[LAYOUT_DOORS_MAX]; /* by the doors */
    struct status_door door[LAYOUT_DOORS_MAX];
    struct arena sum; /* of what they said */
    struct picture_event event[PICTURE_EVENTS_MAX];
    uint64_t event_count; /* since control began; event n is at n % PICTURE_EVENTS_MAX */
    struct status_fault fault[LEASES_MAX];
    char fault_text[LEASES_MAX][SCENARIO_FAULT_TEXT];
    struct status_event shown[PICTURE_EVENTS_MAX];
    int64_t began_us;
    int64_t fresh_us; /* what somebody said is believed for so long */
};

/* An empty picture of `l`, which is borrowed; `name` is the topology's. Storage is the arena's,
 * picture_release frees what was said. 0, or -1 when memory is out. */
int picture_init(struct picture *p, const struct layout *l, const char *name, int64_t pid,
                 int64_t now_us, struct arena *a);
void picture_release(struct picture *p);

/* Something happened that is worth a line. The oldest line is forgotten. */
void picture_event(struct picture *p, int64_t now_us, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The process of an agent: its number, 0 for none, its crash loop, and why it ended last. */
void picture_agent(struct picture *p, size_t cell, size_t zone, int64_t pid,
                   const struct supervise *rule, const char *last, int64_t now_us);

/* What is or was done for a replica of the zone that ails; "" for nothing. A zone that is not well
 * says so. */
void picture_cure(struct picture *p, size_t cell, size_t zone, const char *words);

/* The process of a door; 0: none. */
void picture_door(struct picture *p, size_t door, int64_t pid);

/* What an agent and a door answered. 0, or -1 with `err` set and all as before when it is not a
 * status, or not that of this zone. */
int picture_agent_said(struct picture *p, size_t cell, size_t zone, const char *text, size_t len,
                       int64_t now_us, struct error *err);
int picture_door_said(struct picture *p, size_t door, const char *text, size_t len, int64_t now_us,
                      struct error *err);

/* Make p->status what is so now. Changes become events. It is good until the next call of any
 * function here. */
void picture_judge(struct picture *p, const struct leases *leases, int64_t now_us);

#endif
