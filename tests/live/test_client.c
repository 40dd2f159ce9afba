/* Tests of control/live/client.h: straight to a replica, in another zone when that fails, through a
 * door when the map is wrong. A real door process, replicas by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "control/live/client.h"
#include "control/partition.h"
#include "tests/shop.h"
#include "wire/text_file.h"

enum { S = 1000000 };

struct world {
    struct shop shop;
    struct client *client;
    char cache[128];
    bool fetched;
};

struct answer {
    bool done;
    enum http_failure failure;
    int status;
};

static void on_fetched(void *context)
{
    struct world *w = context;
    w->fetched = true;
}

/* Ask for the map, and wait until that has come to something. */
static void fetch(struct world *w)
{
    w->fetched = false;
    client_fetch_map(w->client, on_fetched, w);
    SHOP_UNTIL(&w->shop, w->fetched);
}

static void open_client(struct world *w, const struct client_opts *more)
{
    struct error err;
    struct client_opts opts = *more;
    opts.loop = &w->shop.loop;
    opts.links_max = 64;
    if (opts.door_count == 0) {
        opts.door[0] = w->shop.layout.port;
        opts.door_count = 1;
    }
    if (client_new(&w->client, &opts, &err) != 0)
        fail_msg("%s", err.text);
}

/* Open the shop, and a client that has the map. */
static void open_world(struct world *w, const char *policy)
{
    shop_open(&w->shop, policy);
    open_client(w, &(struct client_opts){.direct = true});
    fetch(w);
    assert_int_equal(client_map_version(w->client), 0);
}

static void close_world(struct world *w)
{
    client_free(w->client);
    shop_close(&w->shop);
}

static void on_answer(void *context, const struct http_reply *reply)
{
    struct answer *a = context;
    *a = (struct answer){true, reply->failure, reply->status};
}

static void send_one(struct world *w, struct answer *a, const char *method, const char *target)
{
    const struct client_request r = {.method = method,
                                     .target = target,
                                     .body = method[0] == 'P' ? "{}" : NULL,
                                     .len = method[0] == 'P' ? 2 : 0,
                                     .timeout_us = 5 * S};
    *a = (struct answer){false};
    assert_non_null(client_send(w->client, &r, on_answer, a));
    assert_false(a->done);
}

static int ask(struct world *w, const char *method, const char *target)
{
    struct answer a;
    send_one(w, &a, method, target);
    SHOP_UNTIL(&w->shop, a.done);
    return a.failure == HTTP_OK ? a.status : -(int)a.failure;
}

static int64_t door_requests(struct world *w)
{
    struct arena a = {0};
    int64_t count = shop_status(&w->shop, &a).requests;
    arena_release(&a);
    return count;
}

/* A map of the shop, changed by `change`; its text is in `a`. */
static const char *map_text(struct world *w, int64_t version, void (*change)(struct partition *p),
                            struct arena *a)
{
    struct partition p;
    assert_int_equal(partition_of(&p, &w->shop.layout, "shop", a), 0);
    p.version = version;
    if (change != NULL)
        change(&p);
    return partition_print(&p, a);
}

/* Go by that map. */
static void take(struct world *w, int64_t version, void (*change)(struct partition *p))
{
    struct arena a = {0};
    struct error err;
    const char *text = map_text(w, version, change, &a);
    if (client_take_map(w->client, text, strlen(text), &err) != 0)
        fail_msg("%s", err.text);
    arena_release(&a);
}

/* ---- straight to a replica ---- */

static void test_client_goes_straight_to_replicas(void **state)
{
    enum { ASKS = 60 };
    static const char *const targets[] = {"/de/items?q=a", "/fr/orders", "/de/customers/de-c-1"};
    struct world w;
    (void)state;
    open_world(&w, "");
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    shop_staff(&w.shop, SHOP_FR, LAYOUT_ORDER, REPLICA_ANSWERS, NULL, NULL);
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CUSTOMER, REPLICA_ANSWERS, NULL, NULL);
    for (size_t i = 0; i < ASKS; i++)
        assert_int_equal(ask(&w, "GET", targets[i % 3]), 200);
    assert_int_equal(shop_requests(&w.shop, SHOP_DE, LAYOUT_CATALOG), ASKS / 3);
    assert_int_equal(shop_requests(&w.shop, SHOP_FR, LAYOUT_ORDER), ASKS / 3);
    assert_int_equal(shop_requests(&w.shop, SHOP_DE, LAYOUT_CUSTOMER), ASKS / 3);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        assert_true(shop_replica(&w.shop, SHOP_DE, z, LAYOUT_CATALOG)->requests > 0);
    assert_int_equal(client_counts(w.client)->direct, ASKS);
    assert_int_equal(door_requests(&w), 0);
    assert_int_equal(ask(&w, "GET", "/es/items"),
                     404); /* what is not on the map the door answers */
    assert_int_equal(client_counts(w.client)->door, 1);
    close_world(&w);
}

struct keys {
    char key[8][64];
    size_t zone[8];
    size_t count;
};

static enum replica_mode first_fails(void *context, struct replica *r, const char *head,
                                     const char *body, size_t len)
{
    struct keys *k = context;
    (void)body;
    (void)len;
    assert_non_null(replica_header(head, "Time-Left"));
    const char *key = replica_header(head, "Idempotency-Key");
    assert_true(key != NULL && k->count < 8);
    snprintf(k->key[k->count], sizeof k->key[0], "%s", key);
    k->zone[k->count] = r->zone;
    return k->count++ == 0 ? REPLICA_RESETS : REPLICA_ANSWERS;
}

static void test_client_repeats_in_another_zone_with_the_same_key(void **state)
{
    struct world w;
    struct keys seen = {.count = 0};
    (void)state;
    open_world(&w, "\"backoff\": \"1ms\"");
    shop_staff(&w.shop, SHOP_DE, LAYOUT_ORDER, REPLICA_ANSWERS, first_fails, &seen);
    assert_int_equal(ask(&w, "POST", "/de/orders"), 200);
    assert_true(seen.count >= 2); /* a client may repeat on a fresh connection by itself */
    assert_int_equal(strlen(seen.key[0]), 32);
    for (size_t i = 1; i < seen.count; i++)
        assert_string_equal(seen.key[i], seen.key[0]);
    assert_int_not_equal(seen.zone[seen.count - 1], seen.zone[0]);
    assert_int_equal(client_counts(w.client)->again, 1);
    assert_int_equal(client_counts(w.client)->door, 0);
    close_world(&w);
}

static void test_client_survives_a_zone(void **state)
{
    enum { ASKS = 200 };
    static struct answer a[ASKS];
    struct world w;
    size_t good = 0;
    (void)state;
    open_world(&w, "\"backoff\": \"1ms\", \"retry_budget\": 1, \"eject_for\": \"1h\"");
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    for (size_t i = 0; i < ASKS / 2; i++)
        send_one(&w, &a[i], "GET", "/de/items");
    SHOP_UNTIL(&w.shop, shop_held(&w.shop, SHOP_DE, LAYOUT_CATALOG) == 3 * 64 ||
                            shop_held(&w.shop, SHOP_DE, LAYOUT_CATALOG) == ASKS / 2);
    replica_kill(shop_replica(&w.shop, SHOP_DE, 1, LAYOUT_CATALOG));
    for (size_t i = ASKS / 2; i < ASKS; i++)
        send_one(&w, &a[i], "GET", "/de/items");
    for (size_t z = 0; z < SHOP_ZONES; z++)
        shop_replica(&w.shop, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_ANSWERS;
    shop_release(&w.shop, SHOP_DE, LAYOUT_CATALOG);
    for (size_t i = 0; i < ASKS; i++) {
        SHOP_UNTIL(&w.shop, a[i].done);
        good += a[i].status == 200;
    }
    assert_int_equal(good, ASKS);
    assert_int_equal(client_counts(w.client)->door, 0);
    close_world(&w);
}

/* ---- states ---- */

static void zone_a_down(struct partition *p)
{
    for (size_t i = 0; i < SHOP_SERVICES; i++)
        p->cells[SHOP_DE].replicas[i].state = PARTITION_DOWN;
}

static void zone_a_out(struct partition *p)
{
    for (size_t i = 0; i < SHOP_SERVICES; i++)
        p->cells[SHOP_DE].replicas[i].state = PARTITION_OUT;
}

static void all_out(struct partition *p)
{
    for (size_t i = 0; i < SHOP_ZONES * SHOP_SERVICES; i++)
        p->cells[SHOP_DE].replicas[i].state = PARTITION_OUT;
}

static void test_client_begins_elsewhere_when_the_map_says_down(void **state)
{
    enum { ASKS = 40 };
    struct world w;
    (void)state;
    shop_open(&w.shop, "\"eject_for\": \"1h\"");
    open_client(&w, &(struct client_opts){.direct = true});
    take(&w, 5, zone_a_down);
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    for (size_t i = 0; i < ASKS; i++)
        assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_int_equal(shop_replica(&w.shop, SHOP_DE, 0, LAYOUT_CATALOG)->requests, 0);
    close_world(&w);
}

/* Who has been asking there goes by what it saw itself. */
static void test_client_believes_its_own_eyes(void **state)
{
    enum { ASKS = 60 };
    struct world w;
    (void)state;
    open_world(&w, "\"eject_for\": \"1h\"");
    take(&w, 5, zone_a_down);
    assert_int_equal(client_map_version(w.client), 5);
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    for (size_t i = 0; i < ASKS; i++)
        assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_true(shop_replica(&w.shop, SHOP_DE, 0, LAYOUT_CATALOG)->requests > 0);
    close_world(&w);
}

static void test_client_does_not_ask_what_is_taken_out(void **state)
{
    enum { ASKS = 60 };
    struct world w;
    (void)state;
    open_world(&w, "");
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    const struct replica *out = shop_replica(&w.shop, SHOP_DE, 0, LAYOUT_CATALOG);
    take(&w, 5, zone_a_out);
    for (size_t i = 0; i < ASKS; i++)
        assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_int_equal(out->requests, 0);
    take(&w, 6, NULL); /* and back */
    for (size_t i = 0; i < ASKS; i++)
        assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_true(out->requests > 0);
    take(&w, 7, all_out);
    assert_int_equal(ask(&w, "GET", "/de/items"), 200); /* nobody would be left */
    assert_int_equal(client_counts(w.client)->door, 0);
    close_world(&w);
}

/* ---- put right ---- */

static enum replica_mode not_mine(void *context, struct replica *r, const char *head,
                                  const char *body, size_t len)
{
    static const char answer[] = "HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n";
    (void)context;
    (void)head;
    (void)body;
    (void)len;
    r->reply = answer;
    r->reply_len = sizeof answer - 1;
    return REPLICA_ANSWERS;
}

/* de and fr have changed their cells since. */
static void swapped(struct partition *p)
{
    const char **countries = p->cells[SHOP_DE].countries;
    p->cells[SHOP_DE].countries = p->cells[SHOP_FR].countries;
    p->cells[SHOP_FR].countries = countries;
}

static void test_client_is_put_right_by_421(void **state)
{
    struct world w;
    (void)state;
    shop_open(&w.shop, "");
    open_client(&w, &(struct client_opts){.direct = true});
    take(&w, 1000, swapped); /* newer than the door's, and wrong all the same */
    shop_staff(&w.shop, SHOP_FR, LAYOUT_CATALOG, REPLICA_ANSWERS, not_mine, NULL);
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_int_equal(client_counts(w.client)->misdirected, 1);
    assert_int_equal(client_counts(w.client)->door, 1);
    SHOP_UNTIL(&w.shop, client_map_version(w.client) == 0);
    assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_int_equal(client_counts(w.client)->door, 1);
    assert_int_equal(client_counts(w.client)->misdirected, 1);
    close_world(&w);
}

static const char *told = ""; /* by a replica, of its map */

static enum replica_mode not_mine_of_map(void *context, struct replica *r, const char *head,
                                         const char *body, size_t len)
{
    static char answer[256];
    (void)context;
    (void)head;
    (void)body;
    (void)len;
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 421 Misdirected Request\r\nMap-Version: %s\r\n"
                     "Content-Length: 0\r\n\r\n",
                     told);
    r->reply = answer;
    r->reply_len = (size_t)n;
    return REPLICA_ANSWERS;
}

/* Who is told that its map is the right one asks a door for this request, and for no other map. */
static void test_client_fetches_the_map_when_421_tells_of_another(void **state)
{
    static const struct {
        const char *told;
        bool fetches;
    } rows[] = {{"5", false},
                {"6", true},
                {"4", true},
                {"", true},
                {"x", true},
                {"5, 5", true},
                {"99999999999999999999", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        shop_open(&w.shop, "");
        open_client(&w, &(struct client_opts){.direct = true});
        take(&w, 5, swapped);
        told = rows[i].told;
        shop_staff(&w.shop, SHOP_FR, LAYOUT_CATALOG, REPLICA_ANSWERS, not_mine_of_map, NULL);
        shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
        assert_int_equal(ask(&w, "GET", "/de/items"), 200);
        assert_int_equal(client_counts(w.client)->misdirected, 1);
        assert_int_equal(client_counts(w.client)->door, 1);
        if (rows[i].fetches)
            SHOP_UNTIL(&w.shop, client_map_version(w.client) == 0);
        assert_int_equal(ask(&w, "GET", "/de/items"), 200);
        assert_int_equal(client_counts(w.client)->door, rows[i].fetches ? 1 : 2);
        assert_int_equal(client_map_version(w.client), rows[i].fetches ? 0 : 5);
        close_world(&w);
    }
}

/* Ports where nobody is. */
static void elsewhere(struct partition *p)
{
    for (size_t i = 0; i < SHOP_ZONES * SHOP_SERVICES; i++)
        p->cells[SHOP_DE].replicas[i].port = 1;
}

static void test_client_falls_back_to_the_door(void **state)
{
    struct world w;
    (void)state;
    shop_open(&w.shop, "\"backoff\": \"1ms\"");
    open_client(&w, &(struct client_opts){.direct = true});
    take(&w, 7, elsewhere);
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_int_equal(client_counts(w.client)->door, 1);
    SHOP_UNTIL(&w.shop, client_map_version(w.client) == 0); /* and has learned */
    assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_int_equal(client_counts(w.client)->door, 1);
    close_world(&w);
}

static void test_client_without_a_map_goes_through_the_door(void **state)
{
    struct world w;
    (void)state;
    shop_open(&w.shop, "");
    open_client(&w, &(struct client_opts){.direct = false});
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_int_equal(door_requests(&w), 1);
    assert_int_equal(client_counts(w.client)->direct, 0);
    assert_int_equal(client_counts(w.client)->maps, 0);
    close_world(&w);
}

static void test_client_goes_on_at_another_door(void **state)
{
    struct world w;
    (void)state;
    shop_open(&w.shop, "");
    open_client(&w, &(struct client_opts){.door = {1, 2, w.shop.layout.port}, .door_count = 3});
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    assert_int_equal(ask(&w, "GET", "/de/items"), 200);
    assert_int_equal(client_counts(w.client)->doors_lost, 2);
    assert_int_equal(ask(&w, "GET", "/de/items"), 200); /* it stays there */
    assert_int_equal(client_counts(w.client)->doors_lost, 2);
    close_world(&w);
}

static void test_client_says_when_nobody_answers(void **state)
{
    struct world w;
    (void)state;
    shop_open(&w.shop, "");
    open_client(&w, &(struct client_opts){.door = {1, 2}, .door_count = 2});
    assert_int_equal(ask(&w, "GET", "/de/items"), -HTTP_REFUSED);
    close_world(&w);
}

/* ---- maps ---- */

static void test_client_refuses_stale_and_broken_maps(void **state)
{
    struct world w;
    struct arena a = {0};
    struct error err;
    (void)state;
    open_world(&w, "");
    take(&w, 9, NULL);
    const char *old = map_text(&w, 8, NULL, &a);
    assert_int_equal(client_take_map(w.client, old, strlen(old), &err), -1);
    assert_string_equal(err.text, "the map is stale: version 8, and 9 is held");
    assert_int_equal(client_take_map(w.client, old, strlen(old) / 2, &err), -1);
    assert_int_equal(err.code, ERR_SYNTAX);
    assert_int_equal(client_map_version(w.client), 9);
    fetch(&w); /* the door's is older: it says so, and nothing changes */
    assert_int_equal(client_map_version(w.client), 9);
    arena_release(&a);
    close_world(&w);
}

static void test_client_keeps_the_map_between_runs(void **state)
{
    struct world w;
    struct error err;
    struct text_file_stamp stamp;
    (void)state;
    shop_open(&w.shop, "");
    snprintf(w.cache, sizeof w.cache, "%s/client-map.json", w.shop.dir);
    const struct client_opts opts = {.direct = true, .cache = w.cache};
    open_client(&w, &opts);
    assert_int_equal(client_map_version(w.client), -1);
    fetch(&w);
    client_free(w.client);
    open_client(&w, &opts);
    assert_int_equal(client_map_version(w.client), 0); /* without a question */
    client_free(w.client);
    assert_int_equal(text_file_replace(w.cache, "{", 1, &stamp, &err), 0);
    open_client(&w, &opts);
    assert_int_equal(client_map_version(w.client), -1);
    assert_non_null(strstr(client_map_refused(w.client)->text, "client-map.json: line 1"));
    fetch(&w);
    assert_int_equal(client_map_version(w.client), 0);
    close_world(&w);
}

static void test_client_hears_of_the_next_map(void **state)
{
    struct world w;
    struct arena a = {0};
    struct error err;
    struct text_file_stamp stamp;
    (void)state;
    shop_open(&w.shop, "");
    open_client(&w, &(struct client_opts){.direct = true, .follow = true});
    SHOP_UNTIL(&w.shop, client_map_version(w.client) == 0);
    for (int64_t version = 50; version < 53; version++) {
        const char *text = map_text(&w, version, NULL, &a);
        text_file_replace(in_folder(w.shop.dir, "map.json"), text, strlen(text), &stamp, &err);
        SHOP_UNTIL(&w.shop, client_map_version(w.client) == version);
    }
    arena_release(&a);
    close_world(&w);
}

static void test_client_calls_can_be_called_off(void **state)
{
    enum { CALLS = 30 };
    struct client_call *calls[CALLS];
    struct answer a[CALLS] = {{false}};
    const struct client_request r = {.method = "GET", .target = "/de/items", .timeout_us = 5 * S};
    struct world w;
    (void)state;
    open_world(&w, "");
    shop_staff(&w.shop, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    for (size_t i = 0; i < CALLS; i++)
        calls[i] = client_send(w.client, &r, on_answer, &a[i]);
    SHOP_UNTIL(&w.shop, shop_held(&w.shop, SHOP_DE, LAYOUT_CATALOG) == CALLS);
    for (size_t i = 0; i < CALLS; i += 2)
        client_cancel(calls[i]);
    client_free(w.client); /* calls the others off */
    w.client = NULL;
    shop_close(&w.shop);
    for (size_t i = 0; i < CALLS; i++)
        assert_false(a[i].done);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_goes_straight_to_replicas),
        cmocka_unit_test(test_client_repeats_in_another_zone_with_the_same_key),
        cmocka_unit_test(test_client_survives_a_zone),
        cmocka_unit_test(test_client_begins_elsewhere_when_the_map_says_down),
        cmocka_unit_test(test_client_believes_its_own_eyes),
        cmocka_unit_test(test_client_does_not_ask_what_is_taken_out),
        cmocka_unit_test(test_client_is_put_right_by_421),
        cmocka_unit_test(test_client_fetches_the_map_when_421_tells_of_another),
        cmocka_unit_test(test_client_falls_back_to_the_door),
        cmocka_unit_test(test_client_without_a_map_goes_through_the_door),
        cmocka_unit_test(test_client_goes_on_at_another_door),
        cmocka_unit_test(test_client_says_when_nobody_answers),
        cmocka_unit_test(test_client_refuses_stale_and_broken_maps),
        cmocka_unit_test(test_client_keeps_the_map_between_runs),
        cmocka_unit_test(test_client_hears_of_the_next_map),
        cmocka_unit_test(test_client_calls_can_be_called_off),
    };
    int status;
    if (shop_is_door(argc, argv, &status))
        return status;
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
