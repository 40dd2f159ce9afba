#include "region/pipeline.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *const pipeline_end_words[] = {"goes on",   "waits", "turns", "complete", "filtered",
                                          "cancelled", "dead",  "aside", NULL};

/* ---- ids ---- */

/* Two numbers to one, by the finaliser of splitmix64 (Steele, Lea and Flood 2014). Never 0. An
 * order has some hundred messages, so two of its ids meet once in 10^14 orders. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a + 0x9e3779b97f4a7c15u * (b + 1);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return x != 0 ? x : 1;
}

/* What an id is made for. */
enum { ID_HOP = 1, ID_GROUP, ID_JOIN, ID_BACK, ID_REPORT };

static uint64_t id_of(uint64_t parent, uint64_t purpose, uint64_t stage, uint64_t number)
{
    return mix(parent, purpose << 56 | stage << 48 | number);
}

void pipeline_begin(struct pipeline_message *m, uint64_t key)
{
    memset(m, 0, sizeof *m);
    m->id = m->line = mix(key, 0);
}

uint64_t pipeline_report_id(const struct pipeline_message *m)
{
    return id_of(m->id, ID_REPORT, m->stage, 0);
}

static uint64_t group_of(const struct pipeline_message *m, size_t splitter, uint8_t hop)
{
    return id_of(m->line, ID_GROUP, splitter, hop);
}

/* ---- the trail ---- */

/* Marks that this message has to undo by itself: a part leaves the whole's alone. */
static uint8_t marks_left(const struct pipeline_message *m)
{
    return (uint8_t)(m->trail_count - (m->group != 0 ? m->whole_count : 0));
}

static void mark(struct pipeline_message *m, size_t stage, uint8_t hop)
{
    assert(m->trail_count < PIPELINE_TRAIL_MAX);
    m->trail[m->trail_count++] = (struct pipeline_mark){(uint8_t)stage, hop};
}

/* Point `out`, whose newest mark that is left is the next to be undone, at the stage that does so:
 * the one named for it, or the join through which its parts went. `parent` is where its id comes
 * from. False when nothing is left. */
static bool aim_back(const struct pipeline_def *def, struct pipeline_message *out, uint64_t parent)
{
    out->way = PIPELINE_BACK;
    if (marks_left(out) == 0)
        return false;
    struct pipeline_mark last = out->trail[out->trail_count - 1];
    const struct pipeline_stage *done = &def->stages[last.stage];
    out->stage = done->kind == PIPELINE_JOIN ? last.stage : (uint8_t)done->undo_stage;
    out->id = id_of(parent, ID_BACK, last.stage, last.hop);
    return true;
}

/* A part with nothing left to undo, or nowhere else to go, comes to its join. */
static void aim_join(const struct pipeline_def *def, struct pipeline_message *out, uint64_t parent,
                     size_t splitter)
{
    out->stage = (uint8_t)def->stages[splitter].join;
    out->id = id_of(parent, out->way == PIPELINE_BACK ? ID_BACK : ID_HOP, out->stage, 0xffff);
}

/* The splitter of a part: the one whose group it bears. */
static size_t splitter_of(const struct pipeline_def *def, const struct pipeline_message *m)
{
    for (size_t i = 0; i < def->stage_count; i++)
        if (def->stages[i].join != PIPELINE_NONE && group_of(m, i, m->split_hop) == m->group)
            return i;
    return PIPELINE_NONE;
}

/* ---- decisions ---- */

enum { HOP_ALL = 0xff, HOP_BACK = 0xfe, HOP_JOIN = 0xfd }; /* of pipeline_step */

static struct pipeline_step step_of(enum pipeline_end end, uint16_t count, size_t hop)
{
    return (struct pipeline_step){.end = end, .count = count, .hop = (uint8_t)hop};
}

static struct pipeline_step goes_on(uint16_t count, size_t hop)
{
    return step_of(PIPELINE_GOES_ON, count, hop);
}

int pipeline_outcome(const struct pipeline_stage *stage, const char *word)
{
    for (size_t i = 0; i < stage->next_count; i++)
        if (strcmp(stage->next[i].when, word) == 0)
            return (int)i;
    if (strcmp(word, "done") == 0)
        return PIPELINE_DONE;
    return strcmp(word, "no") == 0 ? PIPELINE_NO : PIPELINE_UNKNOWN;
}

/* The line of this message ends here: a part's at its join, a side line's quietly. */
static struct pipeline_step line_ends(const struct pipeline_message *m, enum pipeline_end end)
{
    if (m->group != 0)
        return goes_on(1, HOP_JOIN);
    return step_of(m->aside ? PIPELINE_ASIDE : end, 0, 0);
}

/* What was done is undone from here on. */
static struct pipeline_step go_back(const struct pipeline_message *m)
{
    if (marks_left(m) > 0 || m->group != 0)
        return goes_on(1, HOP_BACK);
    return step_of(m->aside ? PIPELINE_ASIDE : PIPELINE_CANCELLED, 0, 0);
}

bool pipeline_lost(const struct pipeline_def *def, const struct pipeline_message *m)
{
    return m->way == PIPELINE_FORWARD && m->hops >= def->hops_max;
}

static struct pipeline_step forward(const struct pipeline_def *def,
                                    const struct pipeline_message *m,
                                    const struct pipeline_report *report)
{
    const struct pipeline_stage *s = &def->stages[m->stage];
    int outcome = report->outcome;
    if (report->cancelled && s->next_count > 0)
        return go_back(m);
    if (outcome < 0) /* said without looking into the stage's hops */
        outcome = pipeline_outcome(s, outcome == PIPELINE_DONE ? "done" : "no");
    switch ((enum pipeline_kind)s->kind) {
    case PIPELINE_COPIER:
        return outcome == PIPELINE_NO ? go_back(m) : goes_on((uint16_t)s->next_count, HOP_ALL);
    case PIPELINE_SPLITTER:
        if (outcome == PIPELINE_NO || report->parts == 0 || report->parts > PIPELINE_PARTS_MAX)
            return go_back(m);
        return goes_on(report->parts, HOP_ALL);
    case PIPELINE_SHARDER:
        if (outcome == PIPELINE_NO)
            return go_back(m);
        return goes_on(1, (size_t)(mix(report->key, 0) % s->next_count));
    case PIPELINE_TASK:
    case PIPELINE_FILTER:
    case PIPELINE_MERGER:
    case PIPELINE_REDUCE:
    case PIPELINE_JOIN: /* of a whole that is not waited for */
        break;
    }
    assert(outcome < (int)s->next_count);
    if (outcome >= 0)
        return goes_on(1, (size_t)outcome);
    if (outcome == PIPELINE_DONE)
        return line_ends(m, PIPELINE_COMPLETE);
    return s->kind == PIPELINE_FILTER ? line_ends(m, PIPELINE_FILTERED) : go_back(m);
}

/* ---- the join ---- */

uint64_t pipeline_group(const struct pipeline_def *def, const struct pipeline_message *m)
{
    const struct pipeline_stage *s = &def->stages[m->stage];
    if (s->kind != PIPELINE_JOIN)
        return 0;
    if (m->group != 0 || m->way == PIPELINE_FORWARD)
        return m->group;
    return group_of(m, s->splitter, m->trail[m->trail_count - 1].hop);
}

static bool set_bit(uint64_t *words, uint16_t index)
{
    uint64_t bit = UINT64_C(1) << (index % 64), *word = &words[index / 64];
    bool fresh = (*word & bit) == 0;
    *word |= bit;
    return fresh;
}

static bool has_bit(const uint64_t *words, uint16_t index)
{
    return words[index / 64] >> (index % 64) & 1;
}

/* Parts came forward, and some of them are to go back. */
static struct pipeline_step turn(struct pipeline_barrier *b)
{
    b->turned = true;
    return step_of(PIPELINE_TURNS, 0, 0);
}

/* All parts are back: the whole goes back to what was done before the split. */
static struct pipeline_step whole_back(const struct pipeline_message *m)
{
    uint8_t left = m->group != 0 ? m->whole_count : (uint8_t)(m->trail_count - 1);
    if (left > 0)
        return goes_on(1, HOP_BACK);
    return step_of(m->aside ? PIPELINE_ASIDE : PIPELINE_CANCELLED, 0, 0);
}

static struct pipeline_step at_join(const struct pipeline_def *def,
                                    const struct pipeline_message *m,
                                    const struct pipeline_report *report,
                                    struct pipeline_barrier *b)
{
    const struct pipeline_stage *s = &def->stages[m->stage];
    if (m->group == 0) { /* the whole comes back to what had been its parts */
        bool first = b->opened && !b->turned;
        return first ? turn(b) : step_of(PIPELINE_WAITS, 0, 0);
    }
    if (b->expected == 0)
        b->expected = m->parts;
    if (m->parts != b->expected || m->part >= m->parts || m->parts > PIPELINE_PARTS_MAX ||
        m->group != group_of(m, s->splitter, m->split_hop))
        return step_of(PIPELINE_DEAD, 0, 0);
    if (m->hops > b->hops)
        b->hops = m->hops;
    bool back = m->way == PIPELINE_BACK;
    bool fresh = set_bit(b->here, m->part);
    if (back)
        fresh = set_bit(b->back, m->part);
    if (!fresh)
        return step_of(PIPELINE_WAITS, 0, 0);
    b->undone = (uint16_t)(b->undone + back);
    b->arrived = (uint16_t)(b->arrived + !(back && (b->turned || b->opened)));
    if (b->arrived < b->expected)
        return step_of(PIPELINE_WAITS, 0, 0);
    if (b->undone == b->expected)
        return whole_back(m);
    if (b->turned)
        return step_of(PIPELINE_WAITS, 0, 0);
    if (b->undone > 0 || report->cancelled || report->outcome == PIPELINE_NO)
        return turn(b);
    b->opened = true;
    int outcome = report->outcome;
    if (outcome == PIPELINE_DONE)
        outcome = pipeline_outcome(s, "done");
    if (outcome < 0)
        return step_of(m->aside ? PIPELINE_ASIDE : PIPELINE_COMPLETE, 0, 0);
    struct pipeline_step step = goes_on(1, (size_t)outcome);
    step.hops = b->hops;
    return step;
}

struct pipeline_step pipeline_finish(const struct pipeline_def *def,
                                     const struct pipeline_message *m,
                                     const struct pipeline_report *report,
                                     struct pipeline_barrier *barrier)
{
    assert(m->stage < def->stage_count);
    if (pipeline_group(def, m) != 0) {
        assert(barrier != NULL);
        return at_join(def, m, report, barrier);
    }
    if (m->way == PIPELINE_FORWARD)
        return forward(def, m, report);
    if (report->outcome == PIPELINE_NO) /* what cannot be undone needs someone to look */
        return step_of(PIPELINE_DEAD, 0, 0);
    struct pipeline_message undone = *m;
    undone.trail_count--;
    return go_back(&undone);
}

/* ---- the messages that follow ---- */

/* The whole that a message at its join stands for. */
static void make_whole(struct pipeline_message *out)
{
    if (out->group != 0)
        out->trail_count = out->whole_count;
    else
        out->trail_count--; /* the join's own mark */
    out->group = 0;
    out->part = out->parts = 0;
    out->whole_count = out->split_hop = 0;
}

static void follow_back(const struct pipeline_def *def, const struct pipeline_message *m,
                        struct pipeline_message *out)
{
    uint64_t parent = m->id, group = pipeline_group(def, m);
    if (group != 0) { /* the last part has come; which one it was is chance, and not in the id */
        make_whole(out);
        parent = id_of(group, ID_JOIN, m->stage, 1);
        out->hops = 0;
    } else if (m->way == PIPELINE_BACK) {
        out->trail_count--;
    }
    if (!aim_back(def, out, parent))
        aim_join(def, out, parent, splitter_of(def, m));
}

void pipeline_follow(const struct pipeline_def *def, const struct pipeline_message *m,
                     const struct pipeline_step *step, uint16_t index, struct pipeline_message *out)
{
    assert(step->end == PIPELINE_GOES_ON && index < step->count);
    const struct pipeline_stage *s = &def->stages[m->stage];
    *out = *m;
    if (step->hop == HOP_BACK) {
        follow_back(def, m, out);
        return;
    }
    if (step->hop == HOP_JOIN) {
        if (s->undo_stage != PIPELINE_NONE)
            mark(out, m->stage, m->hops);
        out->hops++;
        aim_join(def, out, m->id, splitter_of(def, m));
        return;
    }
    uint64_t parent = m->id;
    out->hops++;
    if (pipeline_group(def, m) != 0) { /* the join opens: parts become the whole */
        uint8_t split_hop = m->split_hop;
        parent = id_of(m->group, ID_JOIN, m->stage, 0);
        make_whole(out);
        mark(out, m->stage, split_hop);
        out->hops = (uint8_t)(step->hops + 1);
    } else if (s->undo_stage != PIPELINE_NONE) {
        mark(out, m->stage, m->hops);
    }
    size_t hop = step->hop != HOP_ALL ? step->hop : s->kind == PIPELINE_COPIER ? index : 0;
    out->stage = (uint8_t)s->next[hop].stage;
    out->id = id_of(parent, ID_HOP, m->stage, index);
    if (step->hop != HOP_ALL)
        return;
    if (s->join != PIPELINE_NONE) {
        out->group = group_of(m, m->stage, m->hops);
        out->part = index;
        out->parts = step->count;
        out->split_hop = m->hops;
        out->whole_count = out->trail_count;
    } else if (index > 0) {
        out->line = out->id;
        out->aside = true;
        out->group = 0;
        out->part = out->parts = 0;
        out->split_hop = out->whole_count = 0;
        out->trail_count = 0; /* what was done was done for the order */
    }
}

bool pipeline_turn(const struct pipeline_def *def, const struct pipeline_barrier *barrier,
                   const struct pipeline_message *kept, struct pipeline_message *out)
{
    if (kept->way == PIPELINE_BACK || has_bit(barrier->back, kept->part))
        return false;
    *out = *kept;
    if (!aim_back(def, out, kept->id))
        aim_join(def, out, kept->id, def->stages[kept->stage].splitter);
    return true;
}

/* ---- work that has failed ---- */

struct work_opts pipeline_work(const struct pipeline_stage *stage)
{
    return (struct work_opts){
        .tries_max = (uint32_t)stage->tries,
        .lease_us = stage->lease_us,
        .backoff_us = stage->backoff_us,
        .backoff_max_us = stage->backoff_max_us,
    };
}

bool pipeline_spent(const struct pipeline_def *def, const struct pipeline_message *m)
{
    return m->way == PIPELINE_FORWARD && def->stages[m->stage].spent == PIPELINE_SPENT_UNDO;
}

/* ---- words ---- */

void pipeline_describe(char out[PIPELINE_TEXT], const struct pipeline_def *def,
                       const struct pipeline_message *m, uint32_t try)
{
    char part[32] = "", tries[32] = "";
    if (m->group != 0)
        snprintf(part, sizeof part, " parcel %u of %u", m->part + 1u, (unsigned)m->parts);
    if (try != 0)
        snprintf(tries, sizeof tries, " (try %u)", (unsigned)try);
    snprintf(out, PIPELINE_TEXT, "%s%s%s", def->stages[m->stage].name, part, tries);
}

/* ---- sizes ---- */

int64_t pipeline_bytes(const struct pipeline_def *def, const struct pipeline_message *m)
{
    int64_t bytes = PIPELINE_HEAD_BYTES + 2 * (int64_t)m->trail_count;
    if (def->carry != PIPELINE_CARRY_ALL)
        return bytes;
    uint32_t needed = m->way == PIPELINE_FORWARD ? def->stages[m->stage].reach : 0;
    for (uint8_t i = 0; i < m->trail_count; i++) {
        size_t undo = def->stages[m->trail[i].stage].undo_stage;
        if (undo != PIPELINE_NONE)
            needed |= UINT32_C(1) << undo;
    }
    for (size_t i = 0; i < def->stage_count; i++)
        if (needed >> i & 1)
            bytes += def->stages[i].needs_bytes;
    return bytes;
}

int64_t pipeline_ask_bytes(const struct pipeline_def *def, const struct pipeline_message *m)
{
    return def->carry == PIPELINE_CARRY_ALL ? 0 : def->stages[m->stage].needs_bytes;
}

/* ---- reduce ---- */

void pipeline_total_add(struct pipeline_total *total, int64_t amount, bool back, bool seen)
{
    if (seen)
        return;
    total->pieces += back ? -1 : 1;
    total->amount += back ? -amount : amount;
}
