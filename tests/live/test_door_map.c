/* Tests of control/live/door_map.h and map_file.h: a real door hands out the map that lies in its
 * folder; the test is who writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "control/live/door_map.h"
#include "tests/shop.h"

static int64_t version_of(struct shop *s, struct arena *a)
{
    struct partition p, is;
    struct error err;
    struct ask ask = shop_get(s, "/map");
    assert_int_equal(ask.status, 200);
    if (partition_parse(&p, ask.body, ask.len, a, &err) != 0 ||
        partition_of(&is, &s->layout, NULL, a) != 0 || partition_same(&p, &is, &err) != 0)
        fail_msg("%s", err.text);
    char tag[40];
    snprintf(tag, sizeof tag, "ETag: \"%lld\"\n", (long long)p.version);
    assert_non_null(strstr(ask.head, tag));
    ask_release(&ask);
    return p.version;
}

/* What control would write. */
static void write_map(struct shop *s, int64_t version, struct arena *a)
{
    struct partition p;
    struct error err;
    struct text_file_stamp stamp;
    assert_int_equal(partition_of(&p, &s->layout, "shop", a), 0);
    p.version = version;
    const char *text = partition_print(&p, a);
    if (text_file_replace(in_folder(s->dir, "map.json"), text, strlen(text), &stamp, &err) != 0)
        fail_msg("%s", err.text);
}

static void write_text(struct shop *s, const char *text, size_t len)
{
    struct error err;
    struct text_file_stamp stamp;
    if (text_file_replace(in_folder(s->dir, "map.json"), text, len, &stamp, &err) != 0)
        fail_msg("%s", err.text);
}

static void test_door_hands_out_the_map(void **state)
{
    struct shop s;
    struct arena a = {0};
    (void)state;
    shop_open(&s, "");
    assert_int_equal(version_of(&s, &a), 0); /* nobody has written one: the topology's */
    write_map(&s, 7, &a);
    SHOP_UNTIL(&s, version_of(&s, &a) == 7);
    static const struct http_header known = {"If-None-Match", "W/\"1\", \"7\""};
    static const struct http_header other = {"If-None-Match", "\"6\""};
    struct ask ask[2];
    shop_ask(&s, &ask[0], "GET", "/map", &known, 1, NULL, 0);
    assert_int_equal(shop_wait(&s, &ask[0], 1, 304), 1);
    shop_ask(&s, &ask[0], "GET", "/map", &other, 1, NULL, 0);
    shop_ask(&s, &ask[1], "HEAD", "/map", NULL, 0, NULL, 0);
    assert_int_equal(shop_wait(&s, ask, 2, 200), 2);
    shop_ask(&s, &ask[0], "PUT", "/map", NULL, 0, "{}", 2);
    assert_int_equal(shop_wait(&s, &ask[0], 1, 405), 1);
    arena_release(&a);
    shop_close(&s);
}

static void test_door_tells_those_who_wait_for_the_next_map(void **state)
{
    static const struct http_header headers[] = {{"If-None-Match", "\"7\""}, {"Prefer", "wait=30"}};
    struct shop s;
    struct ask ask[3];
    struct arena a = {0};
    (void)state;
    shop_open(&s, "");
    write_map(&s, 7, &a);
    SHOP_UNTIL(&s, version_of(&s, &a) == 7);
    shop_ask(&s, &ask[0], "GET", "/map", headers, 2, NULL, 0);
    shop_ask(&s, &ask[1], "GET", "/map?wait=30s&after=7", NULL, 0, NULL, 0);
    shop_ask(&s, &ask[2], "GET", "/map?after=8&wait=30s", NULL, 0, NULL, 0); /* ahead of us */
    struct ask soon;
    shop_ask(&s, &soon, "GET", "/map?wait=50ms&after=7", NULL, 0, NULL, 0);
    assert_int_equal(shop_wait(&s, &soon, 1, 304), 1);
    assert_false(ask[0].done || ask[1].done || ask[2].done);
    write_map(&s, 8, &a);
    SHOP_UNTIL(&s, ask[0].done && ask[1].done);
    assert_int_equal(ask[0].status, 200);
    assert_non_null(strstr(ask[1].body, "\"version\": 8,"));
    assert_false(ask[2].done);
    shop_end(&s); /* nobody is kept waiting by a door that ends */
    SHOP_UNTIL(&s, ask[2].done);
    assert_int_equal(ask[2].status, 304);
    for (size_t i = 0; i < 3; i++)
        ask_release(&ask[i]);
    arena_release(&a);
    shop_close(&s);
}

static void test_door_bounds_those_who_wait(void **state)
{
    enum { WAITERS = DOOR_MAP_WAITERS_MAX };
    static struct ask ask[WAITERS];
    struct shop s;
    struct ask more;
    struct arena a = {0};
    (void)state;
    shop_open(&s, "");
    for (size_t i = 0; i < WAITERS; i++)
        shop_ask(&s, &ask[i], "GET", "/map?wait=60s&after=0", NULL, 0, NULL, 0);
    do {
        shop_ask(&s, &more, "GET", "/map?wait=1ms&after=0", NULL, 0, NULL, 0);
        SHOP_UNTIL(&s, more.done);
    } while (more.status == 304 && (ask_release(&more), true));
    assert_int_equal(more.status, 503);
    assert_non_null(strstr(more.head, "Retry-After: 1\n"));
    assert_non_null(strstr(more.body, "too many wait for the next map"));
    ask_release(&more);
    more = shop_get(&s, "/map"); /* who does not want to wait is served */
    assert_int_equal(more.status, 200);
    ask_release(&more);
    write_map(&s, 3, &a);
    assert_int_equal(shop_wait(&s, ask, WAITERS, 200), WAITERS);
    arena_release(&a);
    shop_close(&s);
}

static void test_door_says_what_it_expects_of_map(void **state)
{
    static const char *const rows[][2] = {
        {"/map?x=1", "got \\\"x=1\\\""},
        {"/map?after=", "after: expected a version"},
        {"/map?after=-1", "after: expected a version"},
        {"/map?after=99999999999999999999", "after: expected a version"},
        {"/map?wait=soon", "wait: "},
        {"/map?wait=1s&&", "expected /map?wait=30s"},
    };
    struct shop s;
    (void)state;
    shop_open(&s, "");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ask a = shop_get(&s, rows[i][0]);
        if (a.status != 400 || strstr(a.body, rows[i][1]) == NULL)
            fail_msg("%s: %d %s", rows[i][0], a.status, a.body);
        ask_release(&a);
    }
    shop_close(&s);
}

/* What is there is refused, and said why; what is held stays. */
static void test_door_refuses_bad_maps(void **state)
{
    static char large[PARTITION_BYTES_MAX + 1];
    struct shop s;
    struct arena a = {0};
    (void)state;
    shop_open(&s, "");
    write_map(&s, 7, &a);
    SHOP_UNTIL(&s, version_of(&s, &a) == 7);

    write_map(&s, 6, &a);
    SHOP_UNTIL(&s, shop_logged(&s, "map.json: is stale: version 6, and 7 is held"));
    write_text(&s, "{\"format\": 1, \"vers", 19);
    SHOP_UNTIL(&s, shop_logged(&s, "the map is not used: "));
    SHOP_UNTIL(&s, shop_logged(&s, "map.json: line 1"));
    memset(large, ' ', sizeof large);
    write_text(&s, large, sizeof large);
    SHOP_UNTIL(&s, shop_logged(&s, "map.json: has 4194305 bytes, 4194304 are the most"));
    struct layout other = s.layout, own = s.layout;
    other.port++;
    s.layout = other;
    write_map(&s, 9, &a);
    s.layout = own;
    SHOP_UNTIL(&s, shop_logged(&s, "another system"));
    unlink(in_folder(s.dir, "map.json"));
    assert_int_equal(mkfifo(in_folder(s.dir, "map.json"), 0600), 0);
    SHOP_UNTIL(&s, shop_logged(&s, "map.json: is not a regular file"));
    assert_int_equal(version_of(&s, &a), 7);
    struct status status = shop_status(&s, &a);
    assert_int_equal(status.doors[0].map_version, 7);
    assert_non_null(strstr(status.doors[0].map_why, "map.json: is not a regular file"));

    write_map(&s, 10, &a);
    SHOP_UNTIL(&s, version_of(&s, &a) == 10);
    assert_null(shop_status(&s, &a).doors[0].map_why);
    arena_release(&a);
    shop_close(&s);
}

/* Control goes on from a map that a hand has written, and does not put back what that took out. */
static void test_map_keeps_what_a_hand_took_out(void **state)
{
    struct shop s;
    struct arena a = {0};
    struct map_file f;
    struct partition p;
    struct error err;
    struct text_file_stamp stamp;
    static const struct status nobody_seen = {.cell_count = 0};
    (void)state;
    shop_open(&s, "");
    const char *path = in_folder(s.dir, "map.json");
    assert_int_equal(map_file_init(&f, &s.layout, "shop", path), 0);
    assert_true(map_file_note(&f, &nobody_seen, 1000)); /* there was none */
    assert_false(map_file_note(&f, &nobody_seen, 1001));
    assert_int_equal(f.map.version, 1000);
    assert_int_equal(partition_of(&p, &s.layout, "shop", &a), 0);
    p.version = 1500;
    p.cells[SHOP_FR].replicas[2].state = PARTITION_OUT;
    const char *text = partition_print(&p, &a);
    assert_int_equal(text_file_replace(path, text, strlen(text), &stamp, &err), 0);
    assert_true(map_file_note(&f, &nobody_seen, 1002));
    assert_int_equal(f.map.version, 1500);
    assert_int_equal(f.map.cells[SHOP_FR].replicas[2].state, PARTITION_OUT);
    SHOP_UNTIL(&s, version_of(&s, &a) == 1500);
    write_text(&s, "{}", 2); /* no map: what is held is written again */
    assert_true(map_file_note(&f, &nobody_seen, 1003));
    assert_int_equal(f.map.version, 1501);
    assert_int_equal(f.map.cells[SHOP_FR].replicas[2].state, PARTITION_OUT);
    SHOP_UNTIL(&s, version_of(&s, &a) == 1501);
    map_file_release(&f);
    arena_release(&a);
    shop_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_door_hands_out_the_map),
        cmocka_unit_test(test_door_tells_those_who_wait_for_the_next_map),
        cmocka_unit_test(test_door_bounds_those_who_wait),
        cmocka_unit_test(test_door_says_what_it_expects_of_map),
        cmocka_unit_test(test_door_refuses_bad_maps),
        cmocka_unit_test(test_map_keeps_what_a_hand_took_out),
    };
    int status;
    if (shop_is_door(argc, argv, &status))
        return status;
    return cmocka_run_group_tests_name("door_map", tests, NULL, NULL);
}
