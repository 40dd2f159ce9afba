#include "base/pipeline_def.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_place.h"

/* ---- the file's tables ---- */

const char *const pipeline_kind_words[] = {"task",   "copier", "filter", "splitter", "sharder",
                                           "merger", "join",   "reduce", NULL};
static const char *const mode_words[] = {"autonomous", "directed", NULL};
static const char *const carry_words[] = {"all", "reference", NULL};
static const char *const spent_words[] = {"dead-letter", "undo", NULL};

static const struct json_field hop_fields[] = {
    JSON_STR(struct pipeline_hop, when, "when", .preset = "done",
             .doc = "The outcome that leads there; of a copier, splitter and sharder it is not "
                    "asked"),
    JSON_END,
};

static const struct json_field stage_fields[] = {
    JSON_WORD(struct pipeline_stage, kind, "kind", pipeline_kind_words, .preset = "task",
              .doc = "What it does to the work that comes to it"),
    JSON_STR(struct pipeline_stage, service, "service",
             .doc = "The service that runs it; left out, order, or the first one there is"),
    JSON_I64(struct pipeline_stage, workers, "workers", 1, PIPELINE_WORKERS_MAX, .preset = "3",
             .doc = "Pieces of work done at once in a cell"),
    JSON_DURATION(struct pipeline_stage, time_us, "time", 0, 3600e6, .preset = "20ms",
                  .doc = "Mean work on one piece"),
    JSON_MAP(struct pipeline_stage, next, next_count, "next", struct pipeline_hop, hop_fields,
             .count_max = PIPELINE_NEXT_MAX, .doc = "The stages behind it; none: the work ends"),
    JSON_STR(struct pipeline_stage, undo, "undo", .nullable = true,
             .doc = "The stage that undoes it; left out, there is nothing to undo"),
    JSON_STR(struct pipeline_stage, of, "of", .nullable = true,
             .doc = "Of a join: the splitter or copier whose parts it waits for; left out, the one "
                    "that leads to it"),
    JSON_I64(struct pipeline_stage, tries, "tries", 1, 1000, .preset = "5",
             .doc = "Tries of a piece of work in all"),
    JSON_DURATION(struct pipeline_stage, backoff_us, "backoff", 0, 3600e6, .preset = "100ms",
                  .doc = "How long to wait before the second try, give or take half; doubled for "
                         "each one after"),
    JSON_DURATION(struct pipeline_stage, backoff_max_us, "backoff_max", 0, 86400e6, .preset = "1m",
                  .doc = "But not longer than this, give or take half"),
    JSON_DURATION(struct pipeline_stage, lease_us, "lease", 1000, 86400e6, .preset = "30s",
                  .doc = "How long a worker may keep a piece before another one gets it"),
    JSON_WORD(struct pipeline_stage, spent, "spent", spent_words, .preset = "dead-letter",
              .doc = "What follows when all tries have failed"),
    JSON_I64(struct pipeline_stage, needs_bytes, "needs_bytes", 0, 1 << 20, .preset = "0",
             .doc = "Bytes of the order's data that the work on a piece needs"),
    JSON_END,
};

static const struct json_field orders_fields[] = {
    JSON_F64(struct pipeline_orders, share, "share", 0, 1, .preset = "0",
             .doc = "Share of the answered users' requests to `from` that place an order; 0: the "
                    "simulation has no orders"),
    JSON_STR(struct pipeline_orders, from, "from",
             .doc = "The service that takes orders; left out, order, or the first one there is"),
    JSON_I64(struct pipeline_orders, parts, "parts", 1, PIPELINE_ORDER_PARTS_MAX, .preset = "3",
             .doc = "An order has one to so many parts"),
    JSON_F64(struct pipeline_orders, refused, "refused", 0, 1, .preset = "0",
             .doc = "Chance that a task refuses a piece of work, which is then undone"),
    JSON_F64(struct pipeline_orders, cancelled, "cancelled", 0, 1, .preset = "0",
             .doc = "Share of the orders that their customers cancel"),
    JSON_DURATION(struct pipeline_orders, cancel_us, "cancel_in", 1000, 86400e6, .preset = "1s",
                  .doc = "How long after they were placed, on average"),
    JSON_END,
};

static const struct json_field store_fields[] = {
    JSON_DURATION(struct pipeline_store, time_us, "time", 0, 60e6, .preset = "1ms",
                  .doc = "Mean transaction"),
    JSON_I64(struct pipeline_store, parallel, "parallel", 1, 10000, .preset = "1",
             .doc = "Transactions at once in one store"),
    JSON_BOOL(struct pipeline_store, central, "central", .preset = "false",
              .doc = "One database for all services instead of one for each: no messages, all "
                     "stages poll its tables"),
    JSON_DURATION(struct pipeline_store, poll_us, "poll", 1000, 3600e6, .preset = "100ms",
                  .doc = "Central: when an idle worker looks again, on average"),
    JSON_END,
};

const struct json_field pipeline_def_fields[] = {
    JSON_WORD(struct pipeline_def, mode, "mode", mode_words, .preset = "autonomous",
              .doc = "Who decides where work goes next: each stage, or a coordinator"),
    JSON_WORD(struct pipeline_def, carry, "carry", carry_words, .preset = "all",
              .doc = "Whether messages bring what stages need, or stages ask the order's owner"),
    JSON_I64(struct pipeline_def, hops_max, "hops", 1, PIPELINE_HOPS_MAX, .preset = "32",
             .doc = "Stages that a message may pass before it goes to the dead letters"),
    JSON_OBJECT(struct pipeline_def, orders, "orders", orders_fields,
                .doc = "The orders of a simulation"),
    JSON_OBJECT(struct pipeline_def, store, "store", store_fields,
                .doc = "Where a simulation's services keep their part of the orders"),
    JSON_I64(struct pipeline_def, coordinators, "coordinators", 1, PIPELINE_WORKERS_MAX,
             .preset = "2", .doc = "Directed, simulated: reports that are worked on at once"),
    JSON_MAP(struct pipeline_def, stages, stage_count, "stages", struct pipeline_stage,
             stage_fields, .count_min = 1, .count_max = PIPELINE_STAGES_MAX,
             .doc = "The stages, the first one first; left out, a shop's: authorise, reserve, "
                    "split, pack, ship, join, complete"),
    JSON_END,
};

/* What a shop does when the topology does not say. The times and sizes are assumptions of the same
 * order as the services' own. */
static const char default_stages[] =
    "{\"stages\": {"
    "\"authorise\": {\"service\": \"customer\", \"undo\": \"release_payment\","
    " \"needs_bytes\": 256, \"next\": [\"reserve\"]},"
    "\"reserve\": {\"service\": \"catalog\", \"undo\": \"release_stock\","
    " \"needs_bytes\": 512, \"next\": [\"split\"]},"
    "\"split\": {\"kind\": \"splitter\", \"service\": \"order\", \"time\": \"2ms\","
    " \"next\": [\"pack\"]},"
    "\"pack\": {\"service\": \"vendor\", \"time\": \"40ms\", \"workers\": 6,"
    " \"undo\": \"unpack\", \"needs_bytes\": 512, \"next\": [\"ship\"]},"
    "\"ship\": {\"service\": \"vendor\", \"needs_bytes\": 256, \"next\": [\"join\"]},"
    "\"join\": {\"kind\": \"join\", \"service\": \"order\", \"time\": \"2ms\","
    " \"next\": [\"complete\"]},"
    "\"complete\": {\"service\": \"order\", \"time\": \"5ms\"},"
    "\"release_payment\": {\"service\": \"customer\", \"needs_bytes\": 256},"
    "\"release_stock\": {\"service\": \"catalog\", \"needs_bytes\": 512},"
    "\"unpack\": {\"service\": \"vendor\", \"needs_bytes\": 256}"
    "}}";

size_t pipeline_stage_at(const struct pipeline_def *def, const char *name)
{
    for (size_t i = 0; i < def->stage_count; i++)
        if (strcmp(def->stages[i].name, name) == 0)
            return i;
    return PIPELINE_NONE;
}

/* ---- each stage by itself ---- */

static bool splits(const struct pipeline_stage *s)
{
    return s->kind == PIPELINE_SPLITTER || s->kind == PIPELINE_COPIER;
}

/* A stage that sends its work on by something else than an outcome. */
static bool has_outcomes(const struct pipeline_stage *s)
{
    return !splits(s) && s->kind != PIPELINE_SHARDER;
}

/* The service that is named, or else order, or the first one; SIZE_MAX when there is none of that
 * name. */
static size_t service_named(const char *name, const char *const *services, size_t count)
{
    const char *wanted = name != NULL ? name : "order";
    for (size_t i = 0; i < count; i++)
        if (strcmp(services[i], wanted) == 0)
            return i;
    return name == NULL ? 0 : SIZE_MAX;
}

static int bind_service(struct pipeline_stage *s, const char *const *services, size_t count,
                        bool preset, struct error *err)
{
    s->service_index = service_named(s->service, services, count);
    if (s->service_index == SIZE_MAX && !preset) {
        char got[JSON_QUOTE_MAX];
        json_quote(got, s->service);
        return error_set(err, ERR_UNKNOWN,
                         "pipeline.stages.%s.service: %s is not among the "
                         "services",
                         s->name, got);
    }
    if (s->service_index == SIZE_MAX)
        s->service_index = 0;
    s->service = services[s->service_index];
    return 0;
}

static int bind_orders(struct pipeline_orders *orders, const char *const *services, size_t count,
                       struct error *err)
{
    orders->from_index = service_named(orders->from, services, count);
    if (orders->from_index == SIZE_MAX) {
        char got[JSON_QUOTE_MAX];
        json_quote(got, orders->from);
        return error_set(err, ERR_UNKNOWN, "pipeline.orders.from: %s is not among the services",
                         got);
    }
    orders->from = services[orders->from_index];
    return 0;
}

static int bind_next(const struct pipeline_def *def, struct pipeline_stage *s, struct error *err)
{
    if (s->next_count == 0 && !has_outcomes(s))
        return error_set(err, ERR_MISSING, "pipeline.stages.%s.next: a %s leads somewhere", s->name,
                         pipeline_kind_words[s->kind]);
    if (s->next_count > 1 && s->kind == PIPELINE_SPLITTER)
        return error_set(err, ERR_CONFLICT,
                         "pipeline.stages.%s.next: a splitter's parts all go one way, got %zu",
                         s->name, s->next_count);
    for (size_t i = 0; i < s->next_count; i++) {
        struct pipeline_hop *hop = &s->next[i];
        hop->stage = pipeline_stage_at(def, hop->to);
        if (hop->stage == PIPELINE_NONE)
            return error_set(err, ERR_UNKNOWN, "pipeline.stages.%s.next.%s: there is no such stage",
                             s->name, hop->to);
        if (!json_is_name(hop->when))
            return error_set(err, ERR_RANGE,
                             "pipeline.stages.%s.next.%s.when: expected a name of 1 to 40 letters, "
                             "digits, '_' and '-'",
                             s->name, hop->to);
        for (size_t k = 0; has_outcomes(s) && k < i; k++)
            if (strcmp(s->next[k].when, hop->when) == 0)
                return error_set(err, ERR_DUPLICATE,
                                 "pipeline.stages.%s.next.%s.when: \"%s\" leads to %s already",
                                 s->name, hop->to, hop->when, s->next[k].to);
    }
    return 0;
}

/* What undoes a stage is a task that leads nowhere and is nothing else. */
static int bind_undo(const struct pipeline_def *def, struct pipeline_stage *s, struct error *err)
{
    s->undo_stage = PIPELINE_NONE;
    if (s->undo == NULL)
        return 0;
    if (s->kind != PIPELINE_TASK && s->kind != PIPELINE_REDUCE)
        return error_set(err, ERR_CONFLICT,
                         "pipeline.stages.%s.undo: a %s does nothing that could be undone", s->name,
                         pipeline_kind_words[s->kind]);
    s->undo_stage = pipeline_stage_at(def, s->undo);
    if (s->undo_stage == PIPELINE_NONE) {
        char got[JSON_QUOTE_MAX];
        json_quote(got, s->undo);
        return error_set(err, ERR_UNKNOWN, "pipeline.stages.%s.undo: there is no stage %s", s->name,
                         got);
    }
    const struct pipeline_stage *undo = &def->stages[s->undo_stage];
    if (undo->kind != PIPELINE_TASK || undo->next_count > 0 || undo->undo != NULL)
        return error_set(err, ERR_CONFLICT,
                         "pipeline.stages.%s.undo: %s is not a plain task without next and undo",
                         s->name, undo->name);
    return 0;
}

/* ---- how they hang together ---- */

/* The stages that work at `from` may come to, itself included, without going on behind those in
 * `walls`. */
static uint32_t walk(const struct pipeline_def *def, size_t from, uint32_t walls)
{
    uint32_t seen = UINT32_C(1) << from, grown;
    do {
        grown = seen;
        for (size_t i = 0; i < def->stage_count; i++) {
            if (!(seen >> i & 1) || (i != from && walls >> i & 1))
                continue;
            for (size_t k = 0; k < def->stages[i].next_count; k++)
                seen |= UINT32_C(1) << def->stages[i].next[k].stage;
        }
    } while (seen != grown);
    return seen;
}

static uint32_t mask_of(const struct pipeline_def *def, enum pipeline_kind kind)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < def->stage_count; i++)
        mask |= (uint32_t)(def->stages[i].kind == (int)kind) << i;
    return mask;
}

static int check_reach(struct pipeline_def *def, struct error *err)
{
    uint32_t undoes = 0;
    for (size_t i = 0; i < def->stage_count; i++)
        if (def->stages[i].undo_stage != PIPELINE_NONE)
            undoes |= UINT32_C(1) << def->stages[i].undo_stage;
    uint32_t forward = walk(def, 0, 0), reached = forward;
    for (size_t i = 0; i < def->stage_count; i++) {
        struct pipeline_stage *s = &def->stages[i];
        s->reach = walk(def, i, 0);
        for (size_t k = 0; k < def->stage_count; k++)
            if (s->reach >> k & 1 && def->stages[k].undo_stage != PIPELINE_NONE)
                s->reach |= UINT32_C(1) << def->stages[k].undo_stage;
        if (forward >> i & 1)
            reached |= s->reach;
        if (undoes >> i & 1 && forward >> i & 1)
            return error_set(err, ERR_CONFLICT,
                             "pipeline.stages.%s: undoes another stage, and orders come to it "
                             "before that as well",
                             s->name);
    }
    for (size_t i = 0; i < def->stage_count; i++)
        if (!(reached >> i & 1))
            return error_set(err, ERR_CONFLICT, "pipeline.stages.%s: no order ever comes to it",
                             def->stages[i].name);
    return 0;
}

/* Which splitter or copier a join waits for: the one named; or the one splitter that leads to it
 * with no other join between; or where there is no splitter, the one copier. */
static int find_splitter(struct pipeline_def *def, size_t join, struct error *err)
{
    struct pipeline_stage *j = &def->stages[join];
    if (j->of != NULL) {
        j->splitter = pipeline_stage_at(def, j->of);
        if (j->splitter != PIPELINE_NONE && splits(&def->stages[j->splitter]))
            return 0;
        return error_set(err, ERR_UNKNOWN,
                         "pipeline.stages.%s.of: expected a splitter or copier among the stages",
                         j->name);
    }
    const enum pipeline_kind kinds[] = {PIPELINE_SPLITTER, PIPELINE_COPIER};
    for (size_t k = 0; k < 2; k++) {
        size_t found = 0;
        for (size_t i = 0; i < def->stage_count; i++) {
            if (def->stages[i].kind != (int)kinds[k] ||
                !(walk(def, i, mask_of(def, PIPELINE_JOIN)) >> join & 1))
                continue;
            j->splitter = i;
            found++;
        }
        if (found == 1)
            return 0;
        if (found > 1)
            return error_set(err, ERR_CONFLICT,
                             "pipeline.stages.%s.of: %zu %ss lead to this join; name the one that "
                             "it waits for",
                             j->name, found, pipeline_kind_words[kinds[k]]);
    }
    return error_set(err, ERR_CONFLICT,
                     "pipeline.stages.%s: a join needs a splitter or copier before it", j->name);
}

static int bind_joins(struct pipeline_def *def, struct error *err)
{
    for (size_t i = 0; i < def->stage_count; i++)
        def->stages[i].join = def->stages[i].splitter = PIPELINE_NONE;
    for (size_t i = 0; i < def->stage_count; i++) {
        struct pipeline_stage *j = &def->stages[i];
        if (j->kind != PIPELINE_JOIN && j->of != NULL)
            return error_set(err, ERR_CONFLICT, "pipeline.stages.%s.of: is for joins, not for a %s",
                             j->name, pipeline_kind_words[j->kind]);
        if (j->kind != PIPELINE_JOIN)
            continue;
        if (find_splitter(def, i, err) != 0)
            return -1;
        struct pipeline_stage *s = &def->stages[j->splitter];
        if (s->join != PIPELINE_NONE)
            return error_set(err, ERR_CONFLICT,
                             "pipeline.stages.%s: the parts of %s are waited for by %s already",
                             j->name, s->name, def->stages[s->join].name);
        s->join = i;
    }
    return 0;
}

/* Parts are whole pieces of one order: they are not split again before their join. */
static int check_parts(const struct pipeline_def *def, struct error *err)
{
    for (size_t i = 0; i < def->stage_count; i++) {
        const struct pipeline_stage *s = &def->stages[i];
        if (s->kind == PIPELINE_SPLITTER && s->join == PIPELINE_NONE)
            return error_set(err, ERR_CONFLICT,
                             "pipeline.stages.%s: no join waits for the parts of this splitter",
                             s->name);
        if (s->join == PIPELINE_NONE)
            continue;
        uint32_t between = walk(def, i, UINT32_C(1) << s->join);
        if (!(between >> s->join & 1))
            return error_set(err, ERR_CONFLICT,
                             "pipeline.stages.%s.of: nothing leads there from %s",
                             def->stages[s->join].name, s->name);
        for (size_t k = 0; k < def->stage_count; k++) {
            const struct pipeline_stage *inner = &def->stages[k];
            if (!(between >> k & 1) || k == i || k == s->join)
                continue;
            if (inner->kind == PIPELINE_JOIN || inner->join != PIPELINE_NONE)
                return error_set(err, ERR_CONFLICT,
                                 "pipeline.stages.%s: lies between %s and its join; parts are not "
                                 "split again",
                                 inner->name, s->name);
        }
    }
    return 0;
}

/* A stage from which no outcome but a refusal ever leads to an end. */
static int warn_endless(struct pipeline_def *def, struct arena *a, struct error *err)
{
    uint32_t ends = 0, grown;
    do {
        grown = ends;
        for (size_t i = 0; i < def->stage_count; i++) {
            const struct pipeline_stage *s = &def->stages[i];
            bool end = has_outcomes(s); /* where "done" leads nowhere */
            for (size_t k = 0; k < s->next_count; k++)
                end = end && strcmp(s->next[k].when, "done") != 0;
            for (size_t k = 0; k < s->next_count; k++)
                end = end || ends >> s->next[k].stage & 1;
            ends |= (uint32_t)end << i;
        }
    } while (ends != grown);
    def->warning = NULL;
    for (size_t i = 0; i < def->stage_count && def->warning == NULL; i++)
        if (!(ends >> i & 1)) {
            def->warning = arena_format(
                a,
                "pipeline.stages.%s: goes round without a way out; the limit of %lld hops ends it",
                def->stages[i].name, (long long)def->hops_max);
            if (def->warning == NULL)
                return error_memory(err);
        }
    return 0;
}

int pipeline_def_complete(struct pipeline_def *def, const char *const *services,
                          size_t service_count, struct arena *a, struct error *err)
{
    assert(service_count >= 1);
    bool preset = def->stage_count == 0;
    if (preset) {
        struct pipeline_def shop;
        if (json_decode(&shop, sizeof shop, pipeline_def_fields, default_stages,
                        sizeof default_stages - 1, NULL, 0, a, err) != 0)
            return -1;
        def->stages = shop.stages;
        def->stage_count = shop.stage_count;
    }
    if (bind_orders(&def->orders, services, service_count, err) != 0)
        return -1;
    for (size_t i = 0; i < def->stage_count; i++) {
        struct pipeline_stage *s = &def->stages[i];
        if (bind_service(s, services, service_count, preset, err) != 0 ||
            bind_next(def, s, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < def->stage_count; i++)
        if (bind_undo(def, &def->stages[i], err) != 0)
            return -1;
    if (check_reach(def, err) != 0 || bind_joins(def, err) != 0 || check_parts(def, err) != 0)
        return -1;
    return warn_endless(def, a, err);
}
