/* Tests of region/pipeline.h: orders on their way, in every order of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/rng.h"
#include "region/pipeline.h"
#include "tests/pipes.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct pipeline_def define(const char *pipeline)
{
    return pipes_define(pipeline, &arena);
}

/* ---- one order, from its first message until nothing is left to do ---- */

enum { MESSAGES_MAX = 1200, SEEN_MAX = 4096, GROUPS_MAX = 64 };

struct way { /* of one order */
    const struct pipeline_def *def;
    struct rng rng;     /* which message is next: must not matter */
    uint64_t luck;      /* of the outcomes: by message id */
    uint32_t no_in_256; /* chance of a refusal */
    uint32_t undo_fails_in_256;
    uint16_t parts;

    struct pipeline_message message[MESSAGES_MAX];
    bool worked[MESSAGES_MAX]; /* in directed mode: the coordinator has not looked yet */
    size_t count, seen_count;
    uint64_t seen[SEEN_MAX];

    uint64_t group[GROUPS_MAX];
    struct pipeline_barrier barrier[GROUPS_MAX];
    size_t group_count;
    struct pipeline_message kept[MESSAGES_MAX];
    size_t kept_count;

    int done[PIPELINE_STAGES_MAX]; /* pieces worked on at a stage, */
    int undone[PIPELINE_STAGES_MAX];
    int ends[PIPELINE_ASIDE + 1];
    int hops;     /* messages that went forward or back */
    uint64_t sum; /* of all that was done, in no order */
};

static uint64_t blend(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    return x ^ x >> 29;
}

static void deliver(struct way *w, const struct pipeline_message *m)
{
    for (size_t i = 0; i < w->seen_count; i++)
        if (w->seen[i] == m->id)
            return;
    assert_true(w->seen_count < SEEN_MAX && w->count < MESSAGES_MAX);
    w->seen[w->seen_count++] = m->id;
    w->worked[w->count] = false;
    w->message[w->count++] = *m;
}

/* At least once. */
static void send(struct way *w, const struct pipeline_message *m)
{
    w->hops++;
    for (uint32_t n = 1 + rng_below(&w->rng, 3); n > 0; n--)
        deliver(w, m);
}

static struct pipeline_barrier *barrier_of(struct way *w, uint64_t group)
{
    size_t i = 0;
    if (group == 0)
        return NULL;
    while (i < w->group_count && w->group[i] != group)
        i++;
    if (i == w->group_count) {
        assert_true(i < GROUPS_MAX);
        w->group_count++;
        w->group[i] = group;
    }
    return &w->barrier[i];
}

static struct pipeline_report report_of(const struct way *w, const struct pipeline_message *m)
{
    const struct pipeline_stage *s = &w->def->stages[m->stage];
    uint64_t luck = blend(m->id, w->luck);
    struct pipeline_report report = {.outcome = PIPELINE_DONE, .parts = w->parts, .key = luck};
    bool join = pipeline_group(w->def, m) != 0;
    uint32_t no = m->way == PIPELINE_BACK ? w->undo_fails_in_256 : w->no_in_256;
    if (!join && (luck >> 8 & 255) < no)
        report.outcome = PIPELINE_NO;
    else if (!join && m->way == PIPELINE_FORWARD && s->next_count > 1)
        report.outcome = (int)((luck >> 16) % s->next_count);
    return report;
}

/* The stage works: what it does to the rows. */
static void work_on(struct way *w, const struct pipeline_message *m)
{
    const struct pipeline_report report = report_of(w, m);
    w->sum += blend(m->id, m->stage + 1u);
    if (pipeline_group(w->def, m) != 0 || report.outcome == PIPELINE_NO)
        return;
    if (m->way == PIPELINE_FORWARD)
        w->done[m->stage]++;
    else
        w->undone[m->trail[m->trail_count - 1].stage]++;
}

/* Who decides does. */
static void decide(struct way *w, const struct pipeline_message *m)
{
    const struct pipeline_report report = report_of(w, m);
    uint64_t group = pipeline_group(w->def, m);
    struct pipeline_barrier *barrier = barrier_of(w, group);
    struct pipeline_step step = pipeline_finish(w->def, m, &report, barrier);
    struct pipeline_message out, again;
    if (m->group != 0 && group != 0) {
        assert_true(w->kept_count < MESSAGES_MAX);
        w->kept[w->kept_count++] = *m;
    }
    w->ends[step.end]++;
    for (uint16_t i = 0; i < step.count; i++) {
        pipeline_follow(w->def, m, &step, i, &out);
        pipeline_follow(w->def, m, &step, i, &again);
        assert_memory_equal(&out, &again, sizeof out);
        send(w, &out);
    }
    for (size_t i = 0; step.end == PIPELINE_TURNS && i < w->kept_count; i++)
        if (w->kept[i].group == group && pipeline_turn(w->def, barrier, &w->kept[i], &out))
            send(w, &out);
}

static void walk(struct way *w)
{
    struct pipeline_message first;
    pipeline_begin(&first, 42);
    deliver(w, &first);
    while (w->count > 0) {
        size_t i = rng_below(&w->rng, (uint32_t)w->count);
        struct pipeline_message m = w->message[i];
        bool told = w->worked[i];
        if (!told && pipeline_lost(w->def, &m)) {
            w->ends[PIPELINE_DEAD]++;
            told = true;
        } else {
            if (!told)
                work_on(w, &m);
            if (!told && w->def->mode == PIPELINE_DIRECTED) { /* a report is on its way */
                w->worked[i] = true;
                continue;
            }
            decide(w, &m);
        }
        for (size_t k = 0; k < w->count; k++)
            if (w->message[k].id == m.id) { /* others may have come in between */
                w->message[k] = w->message[--w->count];
                w->worked[k] = w->worked[w->count];
                break;
            }
    }
}

static struct way *way_of(const struct pipeline_def *def, uint64_t luck, uint64_t order,
                          uint32_t no_in_256, uint16_t parts)
{
    struct way *w = test_calloc(1, sizeof *w);
    *w = (struct way){.def = def, .luck = luck, .no_in_256 = no_in_256, .parts = parts};
    rng_init(&w->rng, order);
    walk(w);
    return w;
}

static int order_ends(const struct way *w)
{
    return w->ends[PIPELINE_COMPLETE] + w->ends[PIPELINE_FILTERED] + w->ends[PIPELINE_CANCELLED];
}

/* ---- definitions ---- */

static const char shop[] = "{}";

/* Everything at once: copies that are waited for, side lines, a shard, a filter, a total, undoing
 * at most stages, behind the joins as well. */
static const char all_kinds[] =
    "{\"hops\": 40, \"stages\": {"
    "\"check\": {\"kind\": \"copier\", \"next\": [\"credit\", \"address\"]},"
    "\"credit\": {\"undo\": \"uncredit\", \"next\": [\"checked\"]},"
    "\"address\": {\"next\": [\"checked\"]},"
    "\"checked\": {\"kind\": \"join\", \"of\": \"check\", \"next\": [\"wanted\"]},"
    "\"wanted\": {\"kind\": \"filter\", \"next\": [\"reserve\"]},"
    "\"reserve\": {\"undo\": \"release\", \"next\": {\"split\": {}, \"reserve\": {\"when\": "
    "\"again\"}}},"
    "\"split\": {\"kind\": \"splitter\", \"next\": [\"shelf\"]},"
    "\"shelf\": {\"kind\": \"sharder\", \"next\": [\"north\", \"south\"]},"
    "\"north\": {\"undo\": \"unpack\", \"next\": [\"lanes\"]},"
    "\"south\": {\"undo\": \"unpack\", \"next\": [\"small\"]},"
    "\"small\": {\"kind\": \"filter\", \"next\": [\"lanes\"]},"
    "\"lanes\": {\"kind\": \"merger\", \"next\": [\"ship\"]},"
    "\"ship\": {\"undo\": \"unship\", \"next\": [\"whole\"]},"
    "\"whole\": {\"kind\": \"join\", \"next\": [\"pay\"]},"
    "\"pay\": {\"undo\": \"unpay\", \"next\": [\"tell\"]},"
    "\"tell\": {\"kind\": \"copier\", \"next\": [\"close\", \"mail\", \"totals\"]},"
    "\"close\": {\"next\": [\"end\"]}, \"end\": {},"
    "\"mail\": {\"undo\": \"unmail\", \"next\": [\"mailed\"]}, \"mailed\": {},"
    "\"totals\": {\"kind\": \"reduce\"},"
    "\"uncredit\": {}, \"release\": {}, \"unpack\": {}, \"unship\": {}, \"unpay\": {}, \"unmail\": "
    "{}}}";

/* ---- the tests ---- */

static void test_pipeline_brings_an_order_through(void **state)
{
    (void)state;
    struct pipeline_def def = define(shop);
    struct way *w = way_of(&def, 1, 1, 0, 3);
    assert_int_equal(w->ends[PIPELINE_COMPLETE], 1);
    assert_int_equal(order_ends(w), 1);
    static const int done[] = {1, 1, 1, 3, 3, 0, 1}; /* the join does nothing but wait */
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(w->done[i], done[i]);
    for (size_t i = 0; i < def.stage_count; i++)
        assert_int_equal(w->undone[i], 0);
    assert_int_equal(w->ends[PIPELINE_WAITS], 2);
    test_free(w);
}

/* Every way out of the shop's pipeline: what is done by the end is undone, or all of it stands. */
static void test_pipeline_undoes_all_or_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {shop, all_kinds};
    for (size_t t = 0; t < 2; t++) {
        struct pipeline_def def = define(texts[t]);
        int ends[PIPELINE_ASIDE + 1] = {0};
        size_t mail = pipeline_stage_at(&def, "mail");
        for (uint64_t luck = 0; luck < 600; luck++) {
            struct way *w = way_of(&def, luck, luck, t == 0 ? 24 : 12, (uint16_t)(1 + luck % 5));
            assert_int_equal(order_ends(w), 1);
            assert_int_equal(w->ends[PIPELINE_DEAD], 0);
            bool cancelled = w->ends[PIPELINE_CANCELLED] == 1;
            for (size_t i = 0; i < def.stage_count; i++) {
                if (def.stages[i].undo_stage == PIPELINE_NONE || i == mail)
                    continue;
                if (w->undone[i] != (cancelled ? w->done[i] : 0))
                    fail_msg("luck %d, %s: %d done, %d undone", (int)luck, def.stages[i].name,
                             w->done[i], w->undone[i]);
            }
            for (size_t i = 0; i <= PIPELINE_ASIDE; i++)
                ends[i] += w->ends[i];
            test_free(w);
        }
        assert_true(ends[PIPELINE_COMPLETE] > 120);
        assert_true(ends[PIPELINE_CANCELLED] > 120);
        assert_true(ends[PIPELINE_TURNS] > 50);
        assert_true((ends[PIPELINE_FILTERED] > 20) == (t == 1));
    }
}

/* The same order, in whichever order messages come, whoever decides: the same things are done. */
static void test_pipeline_directed_and_autonomous_do_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {shop, all_kinds};
    for (size_t t = 0; t < 2; t++) {
        struct pipeline_def def = define(texts[t]), led = def;
        led.mode = PIPELINE_DIRECTED;
        for (uint64_t luck = 0; luck < 150; luck++) {
            uint16_t parts = (uint16_t)(1 + luck % 6);
            struct way *first = way_of(&def, luck, 0, 20, parts);
            for (uint64_t order = 1; order < 6; order++) {
                struct way *other = way_of(order % 2 ? &led : &def, luck, order, 20, parts);
                assert_true(other->sum == first->sum);
                assert_int_equal(other->hops, first->hops);
                assert_memory_equal(other->done, first->done, sizeof first->done);
                assert_memory_equal(other->undone, first->undone, sizeof first->undone);
                for (size_t i = PIPELINE_COMPLETE; i <= PIPELINE_ASIDE; i++)
                    assert_int_equal(other->ends[i], first->ends[i]);
                test_free(other);
            }
            test_free(first);
        }
    }
}

static void test_pipeline_goes_round_until_the_limit_of_hops(void **state)
{
    (void)state;
    struct pipeline_def def =
        define("{\"hops\": 9, \"stages\": {\"a\": {\"undo\": \"u\", \"next\": "
               "[\"b\"]}, \"b\": {\"next\": [\"a\"]}, \"u\": {}}}");
    struct way *w = way_of(&def, 1, 1, 0, 1);
    assert_int_equal(w->done[0] + w->done[1], 9);
    assert_int_equal(w->ends[PIPELINE_DEAD], 1);
    assert_int_equal(order_ends(w), 0);
    test_free(w);
    def.hops_max = PIPELINE_HOPS_MAX; /* as long as the trail */
    w = way_of(&def, 1, 1, 0, 1);
    assert_int_equal(w->done[0] + w->done[1], PIPELINE_HOPS_MAX);
    test_free(w);
}

static void test_pipeline_most_parts_come_together(void **state)
{
    (void)state;
    struct pipeline_def def = define(shop);
    struct way *w = way_of(&def, 1, 1, 0, PIPELINE_PARTS_MAX);
    assert_int_equal(w->ends[PIPELINE_COMPLETE], 1);
    assert_int_equal(w->done[4], PIPELINE_PARTS_MAX);
    test_free(w);
    w = way_of(&def, 1, 1, 0, PIPELINE_PARTS_MAX + 1); /* is refused */
    assert_int_equal(w->ends[PIPELINE_CANCELLED], 1);
    test_free(w);
}

static void test_pipeline_what_cannot_be_undone_is_a_dead_letter(void **state)
{
    (void)state;
    struct pipeline_def def = define(shop);
    struct way *w = test_calloc(1, sizeof *w);
    *w = (struct way){.def = &def, .no_in_256 = 0, .undo_fails_in_256 = 256, .parts = 0};
    rng_init(&w->rng, 1);
    walk(w); /* split into 0 parts is a no */
    assert_int_equal(w->ends[PIPELINE_DEAD], 1);
    assert_int_equal(order_ends(w), 0);
    test_free(w);
}

static void test_pipeline_cancel_counts_until_the_last_stage(void **state)
{
    (void)state;
    struct pipeline_def def = define(shop);
    struct pipeline_message m, out;
    pipeline_begin(&m, 7);
    const struct pipeline_report done = {.outcome = PIPELINE_DONE};
    const struct pipeline_report cancelled = {.outcome = PIPELINE_DONE, .cancelled = true};
    assert_int_equal(pipeline_finish(&def, &m, &cancelled, NULL).end, PIPELINE_CANCELLED);
    struct pipeline_step step = pipeline_finish(&def, &m, &done, NULL);
    pipeline_follow(&def, &m, &step, 0, &out);
    step = pipeline_finish(&def, &out, &cancelled, NULL); /* before stock is reserved */
    assert_int_equal(step.end, PIPELINE_GOES_ON);
    pipeline_follow(&def, &out, &step, 0, &m);
    assert_string_equal(def.stages[m.stage].name, "release_payment");
    assert_int_equal(pipeline_finish(&def, &m, &done, NULL).end, PIPELINE_CANCELLED);
    m = (struct pipeline_message){.id = 1, .stage = 6};
    assert_int_equal(pipeline_finish(&def, &m, &cancelled, NULL).end, PIPELINE_COMPLETE);
}

/* A join's message is asked for once by its inbox; if it were not, nothing would come of it. */
static void test_pipeline_join_takes_a_part_once_and_no_strangers(void **state)
{
    (void)state;
    struct pipeline_def def = define(shop);
    const struct pipeline_report three = {.outcome = PIPELINE_DONE, .parts = 3};
    struct pipeline_message whole = {.id = 1, .line = 1, .stage = 2}, part[3];
    struct pipeline_barrier barrier = {0};
    struct pipeline_step step = pipeline_finish(&def, &whole, &three, NULL);
    for (uint16_t i = 0; i < 3; i++) {
        pipeline_follow(&def, &whole, &step, i, &part[i]);
        part[i].stage = 5;
        assert_true(pipeline_group(&def, &part[i]) == part[0].group);
    }
    struct pipeline_message stranger = part[0];
    stranger.part = 3;
    assert_int_equal(pipeline_finish(&def, &part[0], &three, &barrier).end, PIPELINE_WAITS);
    assert_int_equal(pipeline_finish(&def, &stranger, &three, &barrier).end, PIPELINE_DEAD);
    stranger = part[1];
    stranger.parts = 2;
    assert_int_equal(pipeline_finish(&def, &stranger, &three, &barrier).end, PIPELINE_DEAD);
    stranger = part[1];
    stranger.group++;
    assert_int_equal(pipeline_finish(&def, &stranger, &three, &barrier).end, PIPELINE_DEAD);
    for (int i = 0; i < 5; i++)
        assert_int_equal(pipeline_finish(&def, &part[0], &three, &barrier).end, PIPELINE_WAITS);
    assert_int_equal(pipeline_finish(&def, &part[2], &three, &barrier).end, PIPELINE_WAITS);
    assert_int_equal(barrier.arrived, 2);
    step = pipeline_finish(&def, &part[1], &three, &barrier);
    assert_int_equal(step.end, PIPELINE_GOES_ON);
    pipeline_follow(&def, &part[1], &step, 0, &whole);
    assert_true(whole.group == 0 && whole.stage == 6);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pipeline_finish(&def, &part[i], &three, &barrier).end, PIPELINE_WAITS);
}

static void test_pipeline_ids_differ(void **state)
{
    (void)state;
    struct pipeline_def def = define(all_kinds);
    enum { ORDERS = 300 };
    for (uint64_t luck = 0; luck < ORDERS; luck++) {
        struct way *w = way_of(&def, luck, luck, 10, 4);
        assert_int_equal(w->seen_count, w->hops + 1); /* none was taken for another */
        test_free(w);
    }
}

static void test_pipeline_messages_carry_what_is_ahead(void **state)
{
    (void)state;
    struct pipeline_def def =
        define("{\"stages\": {\"a\": {\"needs_bytes\": 1000, \"undo\": \"x\", \"next\": [\"b\"]},"
               "\"b\": {\"needs_bytes\": 300, \"next\": [\"c\"]}, \"c\": {\"needs_bytes\": 50},"
               "\"x\": {\"needs_bytes\": 7}}}");
    struct pipeline_message m, next;
    const struct pipeline_report done = {.outcome = PIPELINE_DONE};
    pipeline_begin(&m, 1);
    assert_int_equal(pipeline_bytes(&def, &m), PIPELINE_HEAD_BYTES + 1000 + 300 + 50 + 7);
    assert_int_equal(pipeline_ask_bytes(&def, &m), 0);
    struct pipeline_step step = pipeline_finish(&def, &m, &done, NULL);
    pipeline_follow(&def, &m, &step, 0, &next);
    assert_int_equal(pipeline_bytes(&def, &next), PIPELINE_HEAD_BYTES + 2 + 300 + 50 + 7);
    const struct pipeline_report no = {.outcome = PIPELINE_NO};
    step = pipeline_finish(&def, &next, &no, NULL);
    struct pipeline_message back;
    pipeline_follow(&def, &next, &step, 0, &back);
    assert_int_equal(pipeline_bytes(&def, &back), PIPELINE_HEAD_BYTES + 2 + 7);
    def.carry = PIPELINE_CARRY_REFERENCE;
    assert_int_equal(pipeline_bytes(&def, &next), PIPELINE_HEAD_BYTES + 2);
    assert_int_equal(pipeline_ask_bytes(&def, &next), 300);
    assert_int_equal(pipeline_ask_bytes(&def, &back), 7);
}

static void test_pipeline_outcome_words_are_the_stages(void **state)
{
    (void)state;
    struct pipeline_def def =
        define("{\"stages\": {\"a\": {\"next\": {\"b\": {\"when\": \"doubt\"}}}, \"b\": {}}}");
    assert_int_equal(pipeline_outcome(&def.stages[0], "doubt"), 0);
    assert_int_equal(pipeline_outcome(&def.stages[0], "done"), PIPELINE_DONE);
    assert_int_equal(pipeline_outcome(&def.stages[0], "no"), PIPELINE_NO);
    assert_int_equal(pipeline_outcome(&def.stages[0], "doubts"), PIPELINE_UNKNOWN);
    struct pipeline_message m;
    pipeline_begin(&m, 1);
    const struct pipeline_report done = {.outcome = PIPELINE_DONE}, doubt = {.outcome = 0};
    assert_int_equal(pipeline_finish(&def, &m, &done, NULL).end, PIPELINE_COMPLETE);
    assert_int_equal(pipeline_finish(&def, &m, &doubt, NULL).end, PIPELINE_GOES_ON);
}

static void test_pipeline_total_is_the_same_in_any_order(void **state)
{
    (void)state;
    struct pipeline_total a = {0}, b = {0};
    for (int i = 1; i <= 10; i++) {
        pipeline_total_add(&a, i, false, false);
        pipeline_total_add(&a, i, false, true); /* the same once more */
        pipeline_total_add(&b, 11 - i, false, false);
    }
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(a.amount, 55);
    pipeline_total_add(&a, 10, true, false);
    pipeline_total_add(&a, 10, true, true);
    assert_int_equal(a.amount, 45);
    assert_int_equal(a.pieces, 9);
}

static void test_pipeline_spent_tries_are_a_no_only_where_it_says_so(void **state)
{
    (void)state;
    struct pipeline_def def = define("{\"stages\": {\"a\": {\"spent\": \"undo\", \"tries\": 2}}}");
    struct pipeline_message m;
    pipeline_begin(&m, 1);
    assert_true(pipeline_spent(&def, &m));
    assert_int_equal(pipeline_work(&def.stages[0]).tries_max, 2);
    m.way = PIPELINE_BACK;
    assert_false(pipeline_spent(&def, &m));
    def = define(shop);
    pipeline_begin(&m, 1);
    assert_false(pipeline_spent(&def, &m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipeline_brings_an_order_through),
        cmocka_unit_test(test_pipeline_undoes_all_or_nothing),
        cmocka_unit_test(test_pipeline_directed_and_autonomous_do_the_same),
        cmocka_unit_test(test_pipeline_goes_round_until_the_limit_of_hops),
        cmocka_unit_test(test_pipeline_most_parts_come_together),
        cmocka_unit_test(test_pipeline_what_cannot_be_undone_is_a_dead_letter),
        cmocka_unit_test(test_pipeline_cancel_counts_until_the_last_stage),
        cmocka_unit_test(test_pipeline_join_takes_a_part_once_and_no_strangers),
        cmocka_unit_test(test_pipeline_ids_differ),
        cmocka_unit_test(test_pipeline_messages_carry_what_is_ahead),
        cmocka_unit_test(test_pipeline_outcome_words_are_the_stages),
        cmocka_unit_test(test_pipeline_total_is_the_same_in_any_order),
        cmocka_unit_test(test_pipeline_spent_tries_are_a_no_only_where_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
