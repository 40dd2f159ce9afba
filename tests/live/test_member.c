/* Tests of control/live/member.c: members over TCP, on one loop; and what is thrown at their ports
 * by others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <uv.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/gossip_seal.h"
#include "control/live/member.h"
#include "control/status.h"
#include "tests/kids.h"
#include "tests/talk.h"
#include "wire/clock.h"
#include "wire/http.h"

enum { ZONES = 3, EACH = 5, MEMBERS = ZONES * EACH, PATIENCE_US = 20000000, TICK_MS = 5 };

static const char text[] = "{\"countries\": [\"DE\"], \"cells\": {\"de\": {\"countries\": [\"DE\"],"
                           " \"zones\": [\"a\", \"b\", \"c\"]}},"
                           " \"services\": [\"catalog\", \"customer\", \"order\", \"vendor\"]}";

struct world {
    char dir[64];
    struct arena arena;
    struct topo topo;
    struct layout layout;
    uv_loop_t loop;
    uv_timer_t tick; /* the loop turns even when nothing happens */
    struct http_server *server[MEMBERS];
    struct member *member[MEMBERS];
    int status; /* of the last answer to one of ours; 0: none yet */
};

static struct world w;

static void on_request(void *context, struct http_exchange *x)
{
    member_take(*(struct member **)context, x);
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static void world_open(void)
{
    struct error err;
    memset(&w, 0, sizeof w);
    folder_make(w.dir, sizeof w.dir);
    if (topo_parse(&w.topo, text, strlen(text), NULL, 0, &w.arena, &err) != 0 ||
        layout_init(&w.layout, &w.topo, w.dir, talk_ports(MEMBERS + 1), &err) != 0)
        fail_msg("%s", err.text);
    uv_loop_init(&w.loop);
    uv_timer_init(&w.loop, &w.tick);
    uv_timer_start(&w.tick, on_tick, TICK_MS, TICK_MS);
}

static void start(size_t i)
{
    struct error err;
    if (http_server_tcp(&w.server[i], &w.loop, layout_member_port(&w.layout, 0, i), NULL,
                        on_request, &w.member[i], &err) != 0 ||
        member_new(&w.member[i], &w.layout, 0, i / EACH, i % EACH, &w.loop, &err) != 0)
        fail_msg("%s", err.text);
}

static void stop(size_t i, bool leave)
{
    http_server_close(w.server[i]);
    member_close(w.member[i], leave);
    w.server[i] = NULL;
    w.member[i] = NULL;
}

static void world_close(void)
{
    for (size_t i = 0; i < MEMBERS; i++)
        stop(i, false);
    uv_close((uv_handle_t *)&w.tick, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    arena_release(&w.arena);
    folder_remove(w.dir);
}

#define UNTIL(condition)                                                       \
    do {                                                                       \
        int64_t end_us_ = clock_us() + PATIENCE_US;                            \
        while (!(condition) && clock_us() < end_us_)                           \
            uv_run(&w.loop, UV_RUN_ONCE);                                      \
        if (!(condition))                                                      \
            fail_msg("line %d: waited in vain for: %s", __LINE__, #condition); \
    } while (0)

/* What member `i` says of `name`; NULL: that it is alive. The text is in the arena. */
static const struct status_member *said(size_t i, const char *name)
{
    struct status_gossip gossip;
    assert_int_equal(member_status(w.member[i], &gossip, &w.arena), 0);
    for (size_t k = 0; k < gossip.troubled_count; k++)
        if (strcmp(gossip.troubled[k].name, name) == 0)
            return &gossip.troubled[k];
    return NULL;
}

/* Whether all that are there hold `name` for this. */
static bool all_say(const char *name, const char *state)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct status_member *m = w.member[i] == NULL ? NULL : said(i, name);
        if (w.member[i] != NULL &&
            strcmp(m == NULL ? "alive" : status_member_words[m->state], state) != 0)
            return false;
    }
    return true;
}

static int64_t refused(size_t i)
{
    struct status_gossip gossip;
    assert_int_equal(member_status(w.member[i], &gossip, &w.arena), 0);
    return gossip.refused;
}

static bool all_know_all(void)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        struct status_gossip gossip;
        assert_int_equal(member_status(w.member[i], &gossip, &w.arena), 0);
        if (gossip.live != MEMBERS || gossip.troubled_count > 0)
            return false;
    }
    return true;
}

static void test_members_come_die_and_leave(void **state)
{
    (void)state;
    world_open();
    for (size_t i = 0; i < MEMBERS; i++)
        start(i);
    UNTIL(all_know_all());

    stop(6, false); /* b/customer says nothing any more */
    UNTIL(all_say("b/customer", "dead"));
    const struct status_member *dead = said(0, "b/customer");
    assert_non_null(dead);

    start(6); /* a new process, which knows nothing */
    UNTIL(all_know_all());

    stop(14, true);
    UNTIL(all_say("c/agent", "left"));
    start(14);
    UNTIL(all_know_all());

    for (size_t i = 10; i < MEMBERS; i++)
        member_hold(w.member[i], true); /* a zone falls silent, and comes back */
    for (size_t i = 10; i < MEMBERS; i++) {
        const char *const names[] = {"c/catalog", "c/customer", "c/order", "c/vendor", "c/agent"};
        UNTIL(said(0, names[i - 10]) != NULL &&
              strcmp(status_member_words[said(0, names[i - 10])->state], "dead") == 0);
    }
    for (size_t i = 10; i < MEMBERS; i++)
        member_hold(w.member[i], false);
    UNTIL(all_know_all());
    world_close();
}

/* ---- what others send ---- */

static void on_answer(void *context, const struct http_reply *reply)
{
    (void)context;
    w.status = reply->failure == HTTP_OK ? reply->status : -1;
}

static int post(size_t to, const void *bytes, size_t len)
{
    struct http_client *client = http_client_new(&w.loop, layout_member_port(&w.layout, 0, to), 1);
    w.status = 0;
    http_send(client, "POST", MEMBER_PATH, NULL, 0, bytes, len, PATIENCE_US, on_answer, NULL);
    UNTIL(w.status != 0);
    http_client_free(client);
    return w.status;
}

/* The seal of a process that is member `self`, with the system's key or another. */
static struct gossip_seal seal_of(uint16_t self, uint32_t cell, bool forged)
{
    char *path = arena_format(&w.arena, "%s/gossip.key", w.dir);
    uint8_t key[SIPHASH_KEY_BYTES];
    struct gossip_seal s;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(key, 1, sizeof key, file), sizeof key);
    fclose(file);
    key[0] ^= forged;
    assert_int_equal(
        gossip_seal_init(&s, key, cell, self, MEMBERS, EACH, (uint64_t)clock_us(), &w.arena), 0);
    return s;
}

static void test_members_refuse_what_is_not_theirs(void **state)
{
    (void)state;
    struct gossip_msg m = {.kind = GOSSIP_PING, .zone = 1, .from = 9, .about = 0, .count = 1};
    uint8_t bytes[4096] = {0};
    struct stat st;
    m.update[0] = (struct gossip_update){
        .member = 3, .by = GOSSIP_NOBODY, .state = GOSSIP_DEAD, .incarnation = 9};
    world_open();
    for (size_t i = 0; i < 4; i++)
        start(i);
    UNTIL(said(0, "a/customer") == NULL && said(0, "a/order") == NULL &&
          said(0, "a/vendor") == NULL);
    assert_int_equal(stat(arena_format(&w.arena, "%s/gossip.key", w.dir), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    struct gossip_seal thief = seal_of(9, 0, true), abroad = seal_of(9, 1, false),
                       friend = seal_of(9, 0, false);
    assert_int_equal(post(0, "", 0), 413);
    assert_int_equal(post(0, bytes, sizeof bytes), 413);
    assert_int_equal(post(0, bytes, 100), 403);
    assert_int_equal(post(0, bytes, gossip_seal_put(&thief, bytes, 0, &m)), 403);
    assert_int_equal(post(0, bytes, gossip_seal_put(&abroad, bytes, 0, &m)), 403);
    assert_int_equal(post(0, bytes, gossip_seal_put(&friend, bytes, 1, &m)), 403);
    assert_int_equal(refused(0), 6);
    assert_null(said(0, "a/vendor"));

    size_t len = gossip_seal_put(&friend, bytes, 0, &m); /* only so is it believed */
    assert_int_equal(post(0, bytes, len), 200);
    assert_string_equal(status_member_words[said(0, "a/vendor")->state], "dead");
    assert_int_equal(post(0, bytes, len), 403); /* once */
    assert_int_equal(refused(0), 7);
    UNTIL(said(0, "a/vendor") == NULL); /* it contradicts */
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_come_die_and_leave),
        cmocka_unit_test(test_members_refuse_what_is_not_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
