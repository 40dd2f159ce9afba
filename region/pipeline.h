/* pipeline.h - the rules of an order pipeline: what follows from a piece of work that has ended.
 *
 * An order is a message that goes from stage to stage (base/pipeline_def.h says which), bringing
 * its whole history: where it was, and what would have to be undone. So whoever finishes a stage
 * can tell what comes next from the message alone, and no table of all orders is asked. These
 * functions are the same whether the stage itself decides ("autonomous") or a coordinator does that
 * is told of the outcome ("directed"), and live or simulated.
 *
 *     forward   authorise > reserve > split > pack, ship (each part) > join > complete
 *     back      unpack (each part) > join > release_stock > release_payment > cancelled
 *
 * Back means that what was done is undone, newest first. A part that is refused undoes its own
 * stages and comes to the join backwards. When all parts are there and one came backwards, the
 * join sends the others back as well, and when these have come, the whole order, to what was done
 * before the split. An order that is refused behind its join comes back to it, and so to its parts.
 *
 * Delivery is at least once and stages may crash at any moment, so everything here can be repeated:
 * the same message with the same outcome gives the same messages with the same ids. Who keeps the
 * rows refuses ids that the order has had (the key is order and id), commits a stage's effects, its
 * outgoing messages and the end of its piece of work (region/work.h) in one transaction, and keeps
 * a join's parts, and its barrier, until their order is over. What is remembered is therefore
 * bounded by the orders that are kept.
 *
 * Work on a pipeline is background work for region/admission.h: users' requests go first.
 *
 * No clock, no storage, no allocation. */
#ifndef REGION_PIPELINE_H
#define REGION_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pipeline_def.h"
#include "region/work.h"

struct rng;

enum {
    PIPELINE_PARTS_MAX = 512, /* of one order, more than an order has lines */
    PIPELINE_PART_WORDS = PIPELINE_PARTS_MAX / 64,
    PIPELINE_TRAIL_MAX = PIPELINE_HOPS_MAX,
};

/* ---- messages ---- */

enum pipeline_way { PIPELINE_FORWARD, PIPELINE_BACK };

struct pipeline_mark { /* something was done that can be undone */
    uint8_t stage;
    uint8_t hop; /* how far the message had come */
};

struct pipeline_message {
    uint64_t id;    /* within its order */
    uint64_t line;  /* the id with which the order, or a side line of it, began */
    uint64_t group; /* of the parts that belong together; 0: no part but a whole */
    uint16_t part, parts;
    uint8_t stage;       /* that it is for */
    uint8_t hops;        /* stages passed before that */
    uint8_t way;         /* enum pipeline_way */
    bool aside;          /* a side line: its fate does not touch the order */
    uint8_t split_hop;   /* part: where it was split */
    uint8_t whole_count; /* part: marks of the trail that are the whole's */
    uint8_t trail_count;
    struct pipeline_mark trail[PIPELINE_TRAIL_MAX]; /* oldest first */
};

/* The first message of an order. `key` is a hash of the order's id. */
void pipeline_begin(struct pipeline_message *m, uint64_t key);

/* ---- what follows from work that has ended ---- */

/* Outcomes are the stage's hops, by index, or: */
enum { PIPELINE_DONE = -1, PIPELINE_NO = -2, PIPELINE_UNKNOWN = -3 };

/* The outcome that a worker calls `word`. PIPELINE_UNKNOWN when the stage has none of that name:
 * that try has failed. */
int pipeline_outcome(const struct pipeline_stage *stage, const char *word);

struct pipeline_report { /* how the work on a message went */
    int outcome;         /* not PIPELINE_UNKNOWN */
    uint16_t parts;      /* of a splitter: 1..PIPELINE_PARTS_MAX; 0 counts as a no */
    uint64_t key;        /* of a sharder: what to choose by */
    bool cancelled;      /* the customer does not want the order any more, and the stage has done
                            nothing: counts as a no, unless nothing comes behind this stage */
};

enum pipeline_end {
    PIPELINE_GOES_ON,   /* `count` messages follow */
    PIPELINE_WAITS,     /* at its join, for other parts; nothing follows now */
    PIPELINE_TURNS,     /* at its join: each part that has come forward goes back: call
                           pipeline_turn on all that are kept */
    PIPELINE_COMPLETE,  /* the order is */
    PIPELINE_FILTERED,  /* the order ends quietly */
    PIPELINE_CANCELLED, /* all that was done for the order is undone */
    PIPELINE_DEAD,      /* to the dead letters: a part that fits nowhere, or cannot be undone */
    PIPELINE_ASIDE,     /* a side line has ended, the order not */
};
extern const char *const pipeline_end_words[]; /* by end, ended by NULL */

struct pipeline_step {
    enum pipeline_end end;
    uint16_t count; /* of messages to send */
    uint8_t hop;    /* private: of the stage's `next`, when there is one for all, */
    uint8_t hops;   /* and of the whole that goes on from a join */
};

struct pipeline_barrier { /* what a join knows of the parts of one group; all zero at first */
    uint16_t expected, arrived, undone;
    uint8_t hops; /* the most of any part */
    bool opened;  /* all had come, none backwards: the whole went on */
    bool turned;  /* those that came forward were sent back */
    uint64_t here[PIPELINE_PART_WORDS];
    uint64_t back[PIPELINE_PART_WORDS];
};

/* A message that has come has passed as many stages as it may: it goes to the dead letters, without
 * being worked on. */
bool pipeline_lost(const struct pipeline_def *def, const struct pipeline_message *m);

/* The work on `m` has ended. `barrier` is that of m's group, for a message at a join, see
 * pipeline_group; NULL elsewhere. Ask it once for each message and outcome: what it says of a join
 * that was asked twice is that it waits. */
struct pipeline_step pipeline_finish(const struct pipeline_def *def,
                                     const struct pipeline_message *m,
                                     const struct pipeline_report *report,
                                     struct pipeline_barrier *barrier);

/* Message `index` < step->count of those that follow. */
void pipeline_follow(const struct pipeline_def *def, const struct pipeline_message *m,
                     const struct pipeline_step *step, uint16_t index,
                     struct pipeline_message *out);

/* The first message of the way back of a part that is kept at its join. False when it came
 * backwards already: it stays. */
bool pipeline_turn(const struct pipeline_def *def, const struct pipeline_barrier *barrier,
                   const struct pipeline_message *kept, struct pipeline_message *out);

/* The group whose barrier the work on `m` needs; 0 for none. */
uint64_t pipeline_group(const struct pipeline_def *def, const struct pipeline_message *m);

/* ---- what follows from work that has failed ---- */

/* How often, how long and after which wait a stage tries: for region/work.h. */
struct work_opts pipeline_work(const struct pipeline_stage *stage);

/* All tries have failed. True when that counts as a no: finish it so. False: it is a dead letter.
 */
bool pipeline_spent(const struct pipeline_def *def, const struct pipeline_message *m);

/* ---- words ---- */

enum { PIPELINE_TEXT = 96 };

/* "pack parcel 2 of 3 (try 2)", for logs and traces. `try` 0: none yet. */
void pipeline_describe(char out[PIPELINE_TEXT], const struct pipeline_def *def,
                       const struct pipeline_message *m, uint32_t try);

/* ---- who decides, and what is carried ---- */

/* In "directed" mode a stage sends this report of the work on `m` to the coordinator, which knows
 * `m` and calls pipeline_finish; in "autonomous" the stage calls it itself. */
uint64_t pipeline_report_id(const struct pipeline_message *m);

enum { PIPELINE_HEAD_BYTES = 128, PIPELINE_REPORT_BYTES = 64 };

/* Size of a message: its head and trail; and what the stages that it may yet see need, when
 * messages carry all. */
int64_t pipeline_bytes(const struct pipeline_def *def, const struct pipeline_message *m);

/* What the stage that gets `m` must ask the order's owner for, bytes; 0: nothing. */
int64_t pipeline_ask_bytes(const struct pipeline_def *def, const struct pipeline_message *m);

/* ---- reduce ---- */

struct pipeline_total { /* of a day: grows as pieces come, in any order */
    int64_t pieces;
    int64_t amount;
};

/* Take a piece in, or out when its message is on its way back. `seen` is whether its id has been
 * counted already: then nothing changes. */
void pipeline_total_add(struct pipeline_total *total, int64_t amount, bool back, bool seen);

#endif
