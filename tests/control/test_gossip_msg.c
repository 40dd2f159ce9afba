/* Tests of control/gossip_msg.c and gossip_story.c: bytes in, bytes out, and the words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "control/gossip_msg.h"
#include "control/gossip_story.h"

/* A ping of 3 in zone 1 to 700 with two updates. */
static void make(struct gossip_msg *m)
{
    *m = (struct gossip_msg){.kind = GOSSIP_PING,
                             .zone = 1,
                             .from = 3,
                             .about = 700,
                             .count = 2,
                             .incarnation = 0x01020304,
                             .seq = 0x0a0b0c0d};
    m->update[0] = (struct gossip_update){.member = 258,
                                          .incarnation = 9,
                                          .zone = 2,
                                          .state = GOSSIP_SUSPECT,
                                          .two_zones = true,
                                          .by = 4};
    m->update[1] = (struct gossip_update){
        .member = 9999, .zone = 15, .state = GOSSIP_LEFT, .by = GOSSIP_NOBODY};
}

static const uint8_t wire[] = {
    1,   0, 0, 3, 1, 2, 2, 700 & 255, 1,  2,  3, 4,  10, 11, 12, 13, 1,    2,
    129, 2, 0, 0, 0, 9, 0, 4,         39, 15, 3, 15, 0,  0,  0,  0,  0xff, 0xff,
};

static void test_gossip_bytes_are_as_documented(void **state)
{
    (void)state;
    struct gossip_msg m;
    uint8_t bytes[GOSSIP_BYTES_MAX];
    make(&m);
    assert_int_equal(gossip_encode(bytes, &m), sizeof wire);
    assert_int_equal(gossip_bytes(2), sizeof wire);
    assert_memory_equal(bytes, wire, sizeof wire);
}

static void test_gossip_messages_come_back_as_they_went(void **state)
{
    (void)state;
    struct gossip_msg m, back;
    struct error err;
    make(&m);
    assert_int_equal(gossip_decode(&back, wire, sizeof wire, &err), 0);
    assert_int_equal(back.kind, m.kind);
    assert_int_equal(back.zone, m.zone);
    assert_int_equal(back.from, m.from);
    assert_int_equal(back.about, m.about);
    assert_int_equal(back.count, m.count);
    assert_int_equal(back.incarnation, m.incarnation);
    assert_int_equal(back.seq, m.seq);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(back.update[i].member, m.update[i].member);
        assert_int_equal(back.update[i].incarnation, m.update[i].incarnation);
        assert_int_equal(back.update[i].zone, m.update[i].zone);
        assert_int_equal(back.update[i].state, m.update[i].state);
        assert_int_equal(back.update[i].two_zones, m.update[i].two_zones);
        assert_int_equal(back.update[i].by, m.update[i].by);
    }
}

static void test_gossip_full_messages_fit(void **state)
{
    (void)state;
    struct gossip_msg m = {.kind = GOSSIP_NEWS, .about = GOSSIP_NOBODY};
    uint8_t bytes[GOSSIP_BYTES_MAX];
    struct error err;
    m.count = GOSSIP_UPDATES_MAX;
    for (uint16_t i = 0; i < GOSSIP_UPDATES_MAX; i++)
        m.update[i] = (struct gossip_update){.member = i, .by = GOSSIP_NOBODY};
    size_t len = gossip_encode(bytes, &m);
    assert_true(len <= GOSSIP_BYTES_MAX && len + GOSSIP_UPDATE_BYTES > GOSSIP_BYTES_MAX);
    assert_int_equal(gossip_decode(&m, bytes, len, &err), 0);
}

struct forged_row {
    const char *name;
    size_t at; /* this byte of `wire` */
    uint8_t byte;
};

static const struct forged_row forged_rows[] = {
    {"another version", 0, 2},
    {"no such kind", 1, GOSSIP_KINDS},
    {"from beyond all members", 2, 0x27 + 1},
    {"no such zone", 4, GOSSIP_ZONES_MAX},
    {"fewer updates than there are", 5, 1},
    {"more updates than there are", 5, 3},
    {"about beyond all members", 6, 0xff},
    {"an incarnation that cannot be contradicted", 8, 0x80},
    {"an update beyond all members", 16, 0x80},
    {"an update of no state", 18, GOSSIP_UNKNOWN},
    {"one in two zones who is not suspected", 18, 0x80 | GOSSIP_DEAD},
    {"an update of no zone", 19, 16},
    {"an update's incarnation", 20, 0xff},
    {"suspected by nobody", 24, 0xff},
    {"suspected and yet gone", 34, 0},
    {"news about somebody", 1, GOSSIP_NEWS},
    {"a page with an end beyond all members", 1, GOSSIP_PAGE},
    {"a question with a number", 1, GOSSIP_SYNC},
};

static void test_gossip_refuses_forged_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forged_rows / sizeof forged_rows[0]; i++) {
        struct gossip_msg m;
        struct error err = {0};
        uint8_t bytes[sizeof wire];
        memcpy(bytes, wire, sizeof wire);
        bytes[forged_rows[i].at] = forged_rows[i].byte;
        if (gossip_decode(&m, bytes, sizeof bytes, &err) == 0)
            fail_msg("%s: was accepted", forged_rows[i].name);
        assert_memory_equal(err.text, "gossip: ", 8);
    }
}

static void test_gossip_refuses_other_lengths(void **state)
{
    (void)state;
    struct gossip_msg m;
    struct error err;
    uint8_t bytes[GOSSIP_BYTES_MAX + 1] = {0};
    memcpy(bytes, wire, sizeof wire);
    for (size_t len = 0; len <= sizeof bytes; len++)
        assert_int_equal(gossip_decode(&m, bytes, len, &err), len == sizeof wire ? 0 : -1);
}

static const char *name_of(void *context, uint16_t member)
{
    return ((const char *const *)context)[member];
}

static void test_gossip_story_reads(void **state)
{
    (void)state;
    static const char *names[] = {"de/a", "de/b", "de/c"};
    static const struct {
        struct gossip_record record;
        const char *text;
    } rows[] = {
        {{.event = GOSSIP_SUSPECTS, .now_us = 120999, .self = 1, .member = 0, .count = 3},
         "[ 120ms] de/b > suspect de/a (no ack, 3 asked)"},
        {{.event = GOSSIP_HEARS, .self = 1, .member = 0, .by = 2},
         "[   0ms] de/b > suspect de/a (says de/c)"},
        {{.event = GOSSIP_BURIES, .now_us = 12345678, .us = 2500100, .self = 1},
         "[12345ms] de/b > dead de/a (suspect for 2500ms)"},
        {{.event = GOSSIP_CONTRADICTS, .self = 1, .member = 1, .count = 4},
         "[   0ms] de/b > contradict (incarnation 4)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[GOSSIP_STORY_MAX];
        gossip_story(text, &rows[i].record, name_of, names);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_gossip_story_cuts_long_names(void **state)
{
    (void)state;
    char name[400];
    const char *names[] = {name};
    char text[GOSSIP_STORY_MAX];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (uint8_t event = 0; event < GOSSIP_EVENTS; event++) {
        gossip_story(text, &(struct gossip_record){.event = event}, name_of, names);
        assert_int_equal(strlen(text), GOSSIP_STORY_MAX - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gossip_bytes_are_as_documented),
        cmocka_unit_test(test_gossip_messages_come_back_as_they_went),
        cmocka_unit_test(test_gossip_full_messages_fit),
        cmocka_unit_test(test_gossip_refuses_forged_fields),
        cmocka_unit_test(test_gossip_refuses_other_lengths),
        cmocka_unit_test(test_gossip_story_reads),
        cmocka_unit_test(test_gossip_story_cuts_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
