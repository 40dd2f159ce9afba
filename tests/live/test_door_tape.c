/* Tests of control/live/door_tape.h: a real door's tape, and the same choices again. A real door
 * process; replicas that die, are slow or do as they are told. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/error.h"
#include "control/partition.h"
#include "simulator/replay.h"
#include "tests/shop.h"
#include "tests/tapes.h"
#include "wire/text_file.h"

enum { ASKS = 300 };

static const char policy[] = "\"timeout\": \"20s\", \"tries\": 3, \"retry_budget\": 1, "
                             "\"eject_failures\": 3, \"eject_for\": \"50ms\", \"hedge\": 0.5";

static const char *tape_path(const struct shop *s, const char *suffix)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/door.tape%s", s->dir, suffix);
    return path;
}

static uint8_t *read_tape(const struct shop *s, const char *suffix, size_t *len)
{
    FILE *file = fopen(tape_path(s, suffix), "rb");
    struct stat st;
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    *len = fread(bytes, 1, (size_t)st.st_size, file);
    assert_int_equal(*len, st.st_size);
    fclose(file);
    return bytes;
}

static struct replay_result replay(const uint8_t *bytes, size_t len)
{
    struct replay_result out;
    struct arena a = {0};
    struct error err = {0};
    if (replay_tape(&out, bytes, len, &a, &err) != 0)
        fail_msg("%s", err.text);
    arena_release(&a);
    return out;
}

static void ask_all(struct shop *s, struct ask asks[ASKS])
{
    for (size_t i = 0; i < ASKS; i++)
        shop_ask(s, &asks[i], i % 2 == 0 ? "GET" : "POST", i % 3 == 0 ? "/fr/orders" : "/de/items",
                 NULL, 0, NULL, 0);
}

/* Requests in a good time, while a zone dies, and after it. None is lost. */
static void live_through_a_zones_death(struct shop *s)
{
    static struct ask asks[ASKS];
    shop_staff(s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    shop_staff(s, SHOP_FR, LAYOUT_ORDER, REPLICA_ANSWERS, NULL, NULL);
    ask_all(s, asks);
    assert_int_equal(shop_wait(s, asks, ASKS, 200), ASKS);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        shop_replica(s, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_HOLDS;
    ask_all(s, asks);
    SHOP_UNTIL(s, shop_replica(s, SHOP_DE, 1, LAYOUT_CATALOG)->held > 20);
    replica_kill(shop_replica(s, SHOP_DE, 1, LAYOUT_CATALOG));
    replica_kill(shop_replica(s, SHOP_FR, 1, LAYOUT_ORDER));
    for (size_t z = 0; z < SHOP_ZONES; z++)
        shop_replica(s, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_ANSWERS;
    shop_release(s, SHOP_DE, LAYOUT_CATALOG);
    assert_int_equal(shop_wait(s, asks, ASKS, 200), ASKS);
    ask_all(s, asks);
    assert_int_equal(shop_wait(s, asks, ASKS, 200), ASKS);
}

static void test_tape_of_a_zones_death_plays_again(void **state)
{
    struct shop s;
    struct tapes t;
    size_t len, turned = 0;
    (void)state;
    shop_open_taped(&s, policy);
    live_through_a_zones_death(&s);
    shop_end(&s);
    SHOP_UNTIL(&s, shop_logged(&s, "records: the door closes"));
    uint8_t *bytes = read_tape(&s, "", &len);
    struct replay_result r = replay(bytes, len);
    if (r.differs)
        fail_msg("%s", r.difference);
    assert_true(r.closed && !r.full);
    assert_int_equal(r.requests, 3 * ASKS);
    assert_int_equal(r.given_up, 0);
    assert_int_equal(r.under_way, 0);
    assert_true(r.retries > 20);
    assert_int_equal(r.tries, r.requests + r.retries);

    tapes_read(&t, bytes, len); /* now turn some of its choices */
    for (size_t i = 0; i < t.count; i += 1 + t.count / 50) {
        struct route_choice *c = &t.record[i].choice;
        if (t.record[i].kind < TAPE_BEGIN || t.record[i].kind > TAPE_END)
            continue;
        c->replica = c->replica == 0 ? 1 : 0;
        tapes_write(&t);
        r = replay(t.bytes, t.len);
        assert_true(r.differs);
        assert_int_equal(r.records, i);
        tapes_release(&t);
        tapes_read(&t, bytes, len);
        turned++;
    }
    assert_true(turned > 30);
    tapes_release(&t);
    free(bytes);
    shop_close(&s);
}

/* What a door that is killed had written is whole, and the next one takes another file. */
static void test_tape_of_a_killed_door_plays_again(void **state)
{
    struct shop s;
    char port[16];
    size_t len;
    (void)state;
    shop_open_taped(&s, policy);
    live_through_a_zones_death(&s);
    kill(s.door.pid, SIGKILL);
    kid_wait(&s.door);
    uint8_t *bytes = read_tape(&s, "", &len);
    struct replay_result r = replay(bytes, len);
    if (r.differs)
        fail_msg("%s", r.difference);
    assert_false(r.closed);
    assert_int_equal(r.requests, 3 * ASKS);
    free(bytes);

    snprintf(port, sizeof port, "%d", s.layout.port);
    kid_start(&s.door, "door", (const char *const[]){s.dir, port, "0", NULL});
    SHOP_UNTIL(&s, shop_logged(&s, "door.tape.2"));
    shop_end(&s);
    SHOP_UNTIL(&s, shop_logged(&s, "records: the door closes"));
    bytes = read_tape(&s, ".2", &len);
    r = replay(bytes, len);
    assert_true(r.closed && !r.differs);
    free(bytes);
    shop_close(&s);
}

/* The map of our system, in which a zone of de is taken out, or none (SHOP_ZONES), or all. */
static void write_map(struct shop *s, int64_t version, size_t zone, bool all)
{
    struct arena a = {0};
    struct partition p;
    struct text_file_stamp stamp;
    struct error err;
    assert_int_equal(partition_of(&p, &s->layout, "shop", &a), 0);
    p.version = version;
    for (size_t i = 0; i < p.cells[SHOP_DE].replica_count; i++)
        if (all || i / SHOP_SERVICES == zone)
            p.cells[SHOP_DE].replicas[i].state = PARTITION_OUT;
    const char *text = partition_print(&p, &a);
    if (text_file_replace(in_folder(s->dir, "map.json"), text, strlen(text), &stamp, &err) != 0)
        fail_msg("%s", err.text);
    SHOP_UNTIL(s, shop_status(s, &a).doors[0].map_version == version);
    arena_release(&a);
}

/* A zone that the map takes out is drained: it ends what it has and gets nothing more, until it is
 * back; and all of that plays again. */
static void test_door_drains_what_the_map_takes_out(void **state)
{
    static struct ask held[ASKS], asks[ASKS];
    struct shop s;
    size_t len;
    (void)state;
    shop_open_taped(&s, policy);
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    shop_staff(&s, SHOP_FR, LAYOUT_ORDER, REPLICA_ANSWERS, NULL, NULL);
    ask_all(&s, held);
    struct replica *out = shop_replica(&s, SHOP_DE, 1, LAYOUT_CATALOG);
    SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_CATALOG) == ASKS - (ASKS + 2) / 3);
    size_t got = out->requests;
    assert_true(out->held > 0);
    write_map(&s, 5, 1, false);
    assert_true(shop_logged(&s, "de/b: catalog is taken out by the map"));
    for (size_t z = 0; z < SHOP_ZONES; z++)
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_ANSWERS;
    ask_all(&s, asks);
    assert_int_equal(shop_wait(&s, asks, ASKS, 200), ASKS);
    assert_int_equal(out->requests, got);
    shop_release(&s, SHOP_DE, LAYOUT_CATALOG);
    assert_int_equal(shop_wait(&s, held, ASKS, 200), ASKS);
    write_map(&s, 6, SHOP_ZONES, true); /* nobody is left: all are asked */
    ask_all(&s, asks);
    assert_int_equal(shop_wait(&s, asks, ASKS, 200), ASKS);
    assert_true(out->requests > got);
    write_map(&s, 7, SHOP_ZONES, false);
    assert_true(shop_logged(&s, "de/b: catalog is back by the map"));
    got = out->requests;
    ask_all(&s, asks);
    assert_int_equal(shop_wait(&s, asks, ASKS, 200), ASKS);
    assert_true(out->requests > got);
    shop_end(&s);
    SHOP_UNTIL(&s, shop_logged(&s, "records: the door closes"));
    uint8_t *bytes = read_tape(&s, "", &len);
    struct replay_result r = replay(bytes, len);
    if (r.differs)
        fail_msg("%s", r.difference);
    assert_true(r.closed);
    assert_int_equal(r.requests, 4 * ASKS);
    free(bytes);
    shop_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape_of_a_zones_death_plays_again),
        cmocka_unit_test(test_tape_of_a_killed_door_plays_again),
        cmocka_unit_test(test_door_drains_what_the_map_takes_out),
    };
    int status;
    if (shop_is_door(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
