/* gossip_story.h - what a member decided, as a record, and the record as a line of a story.
 *
 *     [ 120ms] de/b > suspect de/a (no ack, 3 asked)
 */
#ifndef CONTROL_GOSSIP_STORY_H
#define CONTROL_GOSSIP_STORY_H

#include <stdint.h>

enum gossip_event {
    GOSSIP_MEETS,       /* `member` is new to us */
    GOSSIP_ASKS,        /* `member` is silent; `count` others are asked */
    GOSSIP_SUSPECTS,    /* on our own: nor did the `count` others asked bring an answer */
    GOSSIP_HEARS,       /* `by` suspects it, and we did not */
    GOSSIP_AGREES,      /* `by` as well, in another zone than the first: it may die */
    GOSSIP_CONTRADICTS, /* somebody thinks ill of us: we have a new incarnation, `count` */
    GOSSIP_TRUSTS,      /* it contradicted, with incarnation `count` */
    GOSSIP_BURIES,      /* its time is over: it was suspect for `us` */
    GOSSIP_MOURNS,      /* somebody buried it */
    GOSSIP_RETURNS,     /* it was dead or gone, and has incarnation `count` */
    GOSSIP_GOES,        /* it says good-bye; ourselves too */
    GOSSIP_WAKES,       /* our own step is late, by `us` */
    GOSSIP_JOINED,      /* we know what others know: `count` members */
    GOSSIP_EVENTS,
};

struct gossip_record {
    int64_t now_us;
    int64_t us;
    uint32_t count;
    uint16_t self, member, by;
    uint8_t event; /* enum gossip_event */
};

enum { GOSSIP_STORY_MAX = 192 };

/* A line without its end. `name` gives each member's name. */
void gossip_story(char out[GOSSIP_STORY_MAX], const struct gossip_record *r,
                  const char *(*name)(void *context, uint16_t member), void *context);

#endif
