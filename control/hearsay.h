/* hearsay.h - what the agents of a cell say of its gossip, as one.
 *
 * Each says how every other member is. What most of them say is taken to be so, and of as many
 * voices the worse. Pure. */
#ifndef CONTROL_HEARSAY_H
#define CONTROL_HEARSAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/status.h"

struct arena;
struct layout;

struct hearsay { /* fields are private to hearsay.c */
    size_t members, each;
    const char **name;          /* [members] */
    int *state;                 /* [members] as it was summed up last, enum gossip_state */
    struct status_member *list; /* [members] */
};

/* Nothing has been said. `l` is borrowed. 0, or -1 when memory is out. */
int hearsay_init(struct hearsay *h, const struct layout *l, size_t cell, struct arena *a);

/* Take what `count` agents say now and sum it up in *out, which lives as long as they and `h` do.
 * `changed` is called for each member of whom something else is believed than before; `before` is
 * an enum gossip_state. */
void hearsay_sum(struct hearsay *h, const struct status_gossip *const *said, size_t count,
                 struct status_gossip *out,
                 void (*changed)(void *context, const struct status_member *now, int before),
                 void *context);

/* Whether all of a zone's members are dead, by what was summed up last. */
bool hearsay_zone_is_dead(const struct hearsay *h, size_t zone);

/* "gossip suspects b/agent (a/agent had no answer, nor had c/order)" */
enum { HEARSAY_WORDS_MAX = 200 };
void hearsay_words(const struct status_member *now, int before, char out[HEARSAY_WORDS_MAX]);

#endif
