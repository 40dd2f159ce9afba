/* Tests of base/pipeline_def.h: what a pipeline may be, and what is refused where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/pipeline_def.h"
#include "base/topo.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* The pipeline of a topology of one country, from the text of its stages. */
static int parse(struct pipeline_def *def, const char *pipeline, struct error *err)
{
    struct topo topo;
    const char *text =
        arena_format(&arena, "{\"countries\": [\"DE\"], \"pipeline\": %s}", pipeline);
    if (topo_parse(&topo, text, strlen(text), NULL, 0, &arena, err) != 0)
        return -1;
    *def = topo.pipeline;
    return 0;
}

static struct pipeline_def accepted(const char *pipeline)
{
    struct pipeline_def def;
    struct error err;
    if (parse(&def, pipeline, &err) != 0)
        fail_msg("%s: %s", pipeline, err.text);
    return def;
}

static uint32_t mask(const struct pipeline_def *def, const char *const *names)
{
    uint32_t bits = 0;
    for (; *names != NULL; names++) {
        size_t at = pipeline_stage_at(def, *names);
        assert_true(at != PIPELINE_NONE);
        bits |= UINT32_C(1) << at;
    }
    return bits;
}

static void test_pipeline_def_left_out_is_a_shops(void **state)
{
    (void)state;
    struct pipeline_def def = accepted("{}");
    static const char *const names[] = {"authorise", "reserve", "split",   "pack",
                                        "ship",      "join",    "complete"};
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(def.stages[i].name, names[i]);
        assert_int_equal(def.stages[i].next_count, i < 6);
        if (i < 6)
            assert_int_equal(def.stages[i].next[0].stage, i + 1);
    }
    assert_int_equal(def.mode, PIPELINE_AUTONOMOUS);
    assert_int_equal(def.carry, PIPELINE_CARRY_ALL);
    assert_int_equal(def.stages[2].join, 5);
    assert_int_equal(def.stages[5].splitter, 2);
    assert_string_equal(def.stages[def.stages[1].undo_stage].name, "release_stock");
    assert_string_equal(def.stages[1].service, "catalog");
    assert_null(def.warning);
    static const char *const behind[] = {"pack", "ship", "join", "complete", "unpack", NULL};
    assert_int_equal(def.stages[3].reach, mask(&def, behind));
}

static void test_pipeline_def_left_out_fits_any_services(void **state)
{
    (void)state;
    struct topo topo;
    struct error err;
    const char *text = "{\"countries\": [\"DE\"], \"services\": {\"shop\": {}}}";
    if (topo_parse(&topo, text, strlen(text), NULL, 0, &arena, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < topo.pipeline.stage_count; i++)
        assert_string_equal(topo.pipeline.stages[i].service, "shop");
}

/* A topology is written out complete for those that run it. */
static void test_pipeline_def_written_out_is_read_as_the_same(void **state)
{
    (void)state;
    struct pipeline_def def = accepted("{\"mode\": \"directed\", \"hops\": 12}");
    const char *whole = json_encode(&def, pipeline_def_fields, &arena);
    struct pipeline_def again = accepted(whole);
    assert_int_equal(again.stage_count, def.stage_count);
    for (size_t i = 0; i < def.stage_count; i++) {
        const struct pipeline_stage *a = &def.stages[i], *b = &again.stages[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->kind, b->kind);
        assert_int_equal(a->reach, b->reach);
        assert_int_equal(a->undo_stage, b->undo_stage);
        assert_int_equal(a->join, b->join);
        assert_int_equal(a->time_us, b->time_us);
        assert_int_equal(a->service_index, b->service_index);
    }
    assert_string_equal(json_encode(&again, pipeline_def_fields, &arena), whole);
}

static void test_pipeline_def_a_copier_has_a_join_only_when_one_waits_for_it(void **state)
{
    (void)state;
    struct pipeline_def def =
        accepted("{\"stages\": {\"both\": {\"kind\": \"copier\", \"next\": [\"a\", \"b\"]},"
                 "\"a\": {\"next\": [\"j\"]}, \"b\": {\"next\": [\"j\"]},"
                 "\"j\": {\"kind\": \"join\", \"next\": [\"tell\"]},"
                 "\"tell\": {\"kind\": \"copier\", \"next\": [\"c\", \"d\"]}, \"c\": {}, \"d\": "
                 "{\"kind\": \"reduce\"}}}");
    assert_int_equal(def.stages[0].join, 3);
    assert_int_equal(def.stages[3].splitter, 0);
    assert_true(def.stages[4].join == PIPELINE_NONE);
}

static void test_pipeline_def_names_the_splitter_where_several_lead_to_a_join(void **state)
{
    (void)state;
    struct pipeline_def def =
        accepted("{\"stages\": {\"pick\": {\"kind\": \"sharder\", \"next\": [\"s\", \"t\"]},"
                 "\"s\": {\"kind\": \"splitter\", \"next\": [\"a\"]}, \"a\": {\"next\": [\"j\"]},"
                 "\"t\": {\"kind\": \"splitter\", \"next\": [\"b\"]}, \"b\": {\"next\": [\"k\"]},"
                 "\"j\": {\"kind\": \"join\"}, \"k\": {\"kind\": \"join\", \"of\": \"t\"}}}");
    assert_int_equal(def.stages[1].join, pipeline_stage_at(&def, "j"));
    assert_int_equal(def.stages[3].join, pipeline_stage_at(&def, "k"));
}

static void test_pipeline_def_warns_of_a_cycle_without_a_way_out(void **state)
{
    (void)state;
    struct pipeline_def def = accepted(
        "{\"hops\": 9, \"stages\": {\"a\": {\"next\": [\"b\"]}, \"b\": {\"next\": [\"a\"]}}}");
    assert_string_equal(def.warning, "pipeline.stages.a: goes round without a way out; the limit "
                                     "of 9 hops ends it");
    def = accepted("{\"stages\": {\"a\": {\"next\": [\"b\"]}, \"b\": {\"next\": {\"a\": "
                   "{\"when\": \"again\"}, \"c\": {}}}, \"c\": {}}}");
    assert_null(def.warning);
    def = accepted("{\"stages\": {\"a\": {\"next\": {\"a\": {\"when\": \"again\"}}}}}");
    assert_null(def.warning);
}

static void test_pipeline_def_refuses_what_does_not_fit(void **state)
{
    (void)state;
#define STAGES(text) "{\"stages\": {" text "}}"
    static const struct {
        const char *text, *sentence;
        enum error_code code;
    } rows[] = {
        {STAGES(""), "pipeline.stages: expected 1 or more items, got 0", ERR_RANGE},
        {STAGES("\"a\": {\"next\": [\"b\"]}"), "pipeline.stages.a.next.b: there is no such stage",
         ERR_UNKNOWN},
        {STAGES("\"a\": {}, \"b\": {}"), "pipeline.stages.b: no order ever comes to it",
         ERR_CONFLICT},
        {STAGES("\"a\": {\"kind\": \"wheel\"}"), NULL, ERR_UNKNOWN},
        {STAGES("\"a\": {\"service\": \"shop\"}"),
         "pipeline.stages.a.service: \"shop\" is not among the services", ERR_UNKNOWN},
        {STAGES("\"a\": {\"next\": {\"b\": {}, \"c\": {}}}, \"b\": {}, \"c\": {}"),
         "pipeline.stages.a.next.c.when: \"done\" leads to b already", ERR_DUPLICATE},
        {STAGES("\"a\": {\"next\": {\"b\": {\"when\": \"\"}}}, \"b\": {}"),
         "pipeline.stages.a.next.b.when: expected a name of 1 to 40 letters, digits, '_' and '-'",
         ERR_RANGE},
        {STAGES("\"a\": {\"kind\": \"copier\"}"),
         "pipeline.stages.a.next: a copier leads somewhere", ERR_MISSING},
        {STAGES("\"a\": {\"kind\": \"splitter\", \"next\": [\"b\", \"c\"]}, \"b\": {}, \"c\": {}"),
         "pipeline.stages.a.next: a splitter's parts all go one way, got 2", ERR_CONFLICT},
        {STAGES("\"a\": {\"kind\": \"splitter\", \"next\": [\"b\"]}, \"b\": {}"),
         "pipeline.stages.a: no join waits for the parts of this splitter", ERR_CONFLICT},
        {STAGES("\"a\": {\"next\": [\"j\"]}, \"j\": {\"kind\": \"join\"}"),
         "pipeline.stages.j: a join needs a splitter or copier before it", ERR_CONFLICT},
        {STAGES("\"a\": {\"next\": [\"j\"]}, \"j\": {\"kind\": \"join\", \"of\": \"a\"}"),
         "pipeline.stages.j.of: expected a splitter or copier among the stages", ERR_UNKNOWN},
        {STAGES("\"a\": {\"of\": \"a\"}"), "pipeline.stages.a.of: is for joins, not for a task",
         ERR_CONFLICT},
        {STAGES("\"s\": {\"kind\": \"splitter\", \"next\": [\"t\"]},"
                "\"t\": {\"kind\": \"splitter\", \"next\": [\"j\"]}, \"j\": {\"kind\": \"join\"}"),
         "pipeline.stages.j.of: 2 splitters lead to this join; name the one that it waits for",
         ERR_CONFLICT},
        {STAGES("\"s\": {\"kind\": \"splitter\", \"next\": [\"t\"]},"
                "\"t\": {\"kind\": \"splitter\", \"next\": [\"j\"]}, \"j\": {\"kind\": \"join\","
                "\"of\": \"t\", \"next\": [\"k\"]}, \"k\": {\"kind\": \"join\", \"of\": \"s\"}"),
         "pipeline.stages.t: lies between s and its join; parts are not split again", ERR_CONFLICT},
        {STAGES("\"s\": {\"kind\": \"splitter\", \"next\": [\"j\"]}, \"j\": {\"kind\": \"join\","
                "\"of\": \"s\", \"next\": [\"k\"]}, \"k\": {\"kind\": \"join\", \"of\": \"s\"}"),
         "pipeline.stages.k: the parts of s are waited for by j already", ERR_CONFLICT},
        {STAGES("\"a\": {\"next\": [\"j\"]}, \"j\": {\"kind\": \"join\", \"of\": \"s\", \"next\": "
                "[\"s\"]}, \"s\": {\"kind\": \"splitter\", \"next\": [\"b\"]}, \"b\": {}"),
         "pipeline.stages.j.of: nothing leads there from s", ERR_CONFLICT},
        {STAGES("\"a\": {\"undo\": \"b\"}"), "pipeline.stages.a.undo: there is no stage \"b\"",
         ERR_UNKNOWN},
        {STAGES("\"a\": {\"undo\": \"b\"}, \"b\": {\"kind\": \"merger\"}"),
         "pipeline.stages.a.undo: b is not a plain task without next and undo", ERR_CONFLICT},
        {STAGES("\"a\": {\"kind\": \"merger\", \"undo\": \"b\"}, \"b\": {}"),
         "pipeline.stages.a.undo: a merger does nothing that could be undone", ERR_CONFLICT},
        {STAGES("\"a\": {\"undo\": \"b\", \"next\": [\"b\"]}, \"b\": {}"),
         "pipeline.stages.b: undoes another stage, and orders come to it before that as well",
         ERR_CONFLICT},
        {"{\"hops\": 65}", "pipeline.hops: expected 1..64, got 65", ERR_RANGE},
        {"{\"mode\": \"chaotic\"}", NULL, ERR_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pipeline_def def;
        struct error err = {0};
        if (parse(&def, rows[i].text, &err) == 0)
            fail_msg("%s is accepted", rows[i].text);
        if (rows[i].sentence != NULL)
            assert_string_equal(err.text, rows[i].sentence);
        if (err.code != rows[i].code)
            fail_msg("%s: code %d", err.text, (int)err.code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipeline_def_left_out_is_a_shops),
        cmocka_unit_test(test_pipeline_def_left_out_fits_any_services),
        cmocka_unit_test(test_pipeline_def_written_out_is_read_as_the_same),
        cmocka_unit_test(test_pipeline_def_a_copier_has_a_join_only_when_one_waits_for_it),
        cmocka_unit_test(test_pipeline_def_names_the_splitter_where_several_lead_to_a_join),
        cmocka_unit_test(test_pipeline_def_warns_of_a_cycle_without_a_way_out),
        cmocka_unit_test(test_pipeline_def_refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
