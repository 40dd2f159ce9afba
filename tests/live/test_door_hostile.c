/* Tests of the door under attack: those who are slow on purpose, who send too much or read too
 * little, who tear connections, and noise. In each the process lives, others are served, memory and
 * connections are bounded, and an error names what was wrong. A real door process. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tests/shop.h"

#if defined(__SANITIZE_THREAD__)
#define SANITIZED 10 /* it remembers who touched each word */
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 2 /* it keeps what was freed for a while */
#else
#define SANITIZED 1
#endif

enum {
    MB = 1 << 20,
    MEMORY_MB_MAX = 400 * SANITIZED
}; /* 256 that are allowed, and what the door is by itself */

#define ITEMS "GET /de/items HTTP/1.1\r\nHost: a\r\n\r\n"

static int dial(const struct shop *s)
{
    struct sockaddr_in at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    uv_ip4_addr("127.0.0.1", s->layout.port, &at);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0)
        assert_int_equal(errno, EINPROGRESS);
    return fd;
}

/* What fits; the loop of the test goes on in between. Returns how much that was in all. */
static size_t say(struct shop *s, int fd, const char *text, size_t len)
{
    size_t sent = 0;
    for (int idle = 0; sent < len && idle < 50;) {
        ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        if (n <= 0 && errno != EAGAIN && errno != ENOTCONN)
            break;
        uv_run(&s->loop, UV_RUN_NOWAIT);
        if (n <= 0)
            usleep(1000); /* for the door to read, not for luck */
    }
    return sent;
}

/* Read until the other side is done, or `what` has come. True when it has. */
static bool hear(struct shop *s, int fd, const char *what)
{
    static char in[64 << 10];
    size_t len = 0;
    struct shop_patience p;
    bool found = false, ended = false;
    shop_patience_begin(&p, &s->loop);
    while (!found && !ended && p.ticks_left > 0) {
        ssize_t n = recv(fd, in + len, sizeof in - 1 - len, MSG_DONTWAIT);
        ended = n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN);
        len += n > 0 ? (size_t)n : 0;
        in[len] = '\0';
        found = strstr(in, what) != NULL;
        if (n < 0 && !found && !ended)
            uv_run(&s->loop, UV_RUN_ONCE);
    }
    shop_patience_end(&p, &s->loop);
    return found;
}

static void slam(int fd)
{
    const struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static long memory_mb(const struct shop *s)
{
    char path[64], line[128];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)s->door.pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (kb < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    fclose(file);
    assert_true(kb > 0);
    return kb / 1024;
}

/* Somebody else is served, at the door itself and through it, and the door is not too large. */
static void others_are_served(struct shop *s)
{
    struct ask a = shop_get(s, "/health");
    assert_int_equal(a.status, 200);
    ask_release(&a);
    a = shop_get(s, "/fr/items");
    assert_int_equal(a.status, 200);
    ask_release(&a);
    long mb = memory_mb(s);
    if (mb > MEMORY_MB_MAX)
        fail_msg("the door has %ld MiB", mb);
}

static void open_served(struct shop *s, const char *policy)
{
    shop_open(s, policy);
    shop_staff(s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    shop_staff(s, SHOP_FR, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
}

/* ---- slow on purpose ---- */

static void test_door_ends_heads_and_bodies_that_dribble(void **state)
{
    enum { SLOW = 400 };
    static const char head[] = "GET /de/items HTTP/1.1\r\nHost: a\r\nX: ";
    static const char body[] = "POST /de/items HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{";
    static int fd[SLOW];
    struct shop s;
    (void)state;
    open_served(&s, "");
    for (size_t i = 0; i < SLOW; i++) {
        fd[i] = dial(&s);
        const char *text = i % 2 == 0 ? head : body;
        say(&s, fd[i], text, strlen(text));
    }
    others_are_served(&s);
    for (size_t i = 0; i < SLOW; i++) { /* a byte now and then does not help */
        say(&s, fd[i], "x", 1);
        if (i % 50 == 0)
            others_are_served(&s);
    }
    for (size_t i = 0; i < SLOW; i++) {
        if (!hear(&s, fd[i], i % 2 == 0 ? "the head took too long" : "the body took too long"))
            fail_msg("connection %zu was not told", i);
        close(fd[i]);
    }
    assert_int_equal(shop_requests(&s, SHOP_DE, LAYOUT_CATALOG), 0);
    others_are_served(&s);
    shop_close(&s);
}

static void test_door_bounds_bodies_that_are_held(void **state)
{
    enum { SLOW = 600 };
    static char body[MB];
    static int fd[SLOW];
    struct shop s;
    size_t refused = 0;
    (void)state;
    open_served(&s, "");
    memset(body, 'x', sizeof body);
    int n = snprintf(body, sizeof body,
                     "POST /de/items HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", MB);
    body[n] = '{';
    for (size_t i = 0; i < SLOW; i++) {
        fd[i] = dial(&s);
        say(&s, fd[i], body, sizeof body - 1000); /* nearly all of it */
        if (i % 100 == 0)
            others_are_served(&s);
    }
    others_are_served(&s);
    for (size_t i = 0; i < SLOW; i++) {
        refused += i >= SLOW - 100 && hear(&s, fd[i], "too much is held for others");
        close(fd[i]);
    }
    assert_true(refused > 0);
    others_are_served(&s);
    shop_close(&s);
}

/* ---- who do not read ---- */

static void test_door_bounds_answers_that_are_not_read(void **state)
{
    enum { IDLE = 120, ANSWER = 8 * MB };
    static int fd[IDLE];
    struct shop s;
    char *reply = malloc(ANSWER + 128);
    (void)state;
    assert_non_null(reply);
    int head = snprintf(reply, 128, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", ANSWER);
    memset(reply + head, 'x', ANSWER);
    open_served(&s, "\"timeout\": \"20s\"");
    for (size_t z = 0; z < SHOP_ZONES; z++) {
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->reply = reply;
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->reply_len = (size_t)head + ANSWER;
    }
    for (size_t i = 0; i < IDLE; i++) {
        fd[i] = dial(&s);
        say(&s, fd[i], ITEMS ITEMS, sizeof ITEMS ITEMS - 1);
        others_are_served(&s);
    }
    SHOP_UNTIL(&s, shop_requests(&s, SHOP_DE, LAYOUT_CATALOG) >= IDLE);
    others_are_served(&s);
    for (size_t i = 0; i < IDLE; i++)
        close(fd[i]);
    others_are_served(&s);
    shop_close(&s);
    free(reply);
}

static void test_door_takes_a_pipelined_flood_a_few_at_a_time(void **state)
{
    enum { FLOOD = 20000 };
    struct shop s;
    char *flood = malloc(FLOOD * sizeof ITEMS);
    (void)state;
    assert_non_null(flood);
    for (size_t i = 0; i < FLOOD; i++)
        memcpy(flood + i * (sizeof ITEMS - 1), ITEMS, sizeof ITEMS);
    open_served(&s, "\"timeout\": \"20s\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    int fd = dial(&s);
    size_t sent = say(&s, fd, flood, FLOOD * (sizeof ITEMS - 1));
    SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_CATALOG) == HTTP_PIPELINE_MAX);
    others_are_served(&s);
    assert_int_equal(shop_held(&s, SHOP_DE, LAYOUT_CATALOG), HTTP_PIPELINE_MAX);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_ANSWERS;
    shop_release(&s, SHOP_DE, LAYOUT_CATALOG);
    SHOP_UNTIL(&s, shop_requests(&s, SHOP_DE, LAYOUT_CATALOG) >= HTTP_PIPELINE_MAX * 2);
    others_are_served(&s);
    slam(fd);
    assert_true(sent > 0);
    others_are_served(&s);
    free(flood);
    shop_close(&s);
}

/* ---- torn connections ---- */

static void test_door_survives_resets_in_the_middle(void **state)
{
    enum { ROUNDS = 300 };
    static const char text[] =
        "POST /de/items HTTP/1.1\r\nHost: a\r\nContent-Type: "
        "application/json\r\nContent-Length: 20\r\n\r\n{\"description\": \"a\"}";
    struct shop s;
    struct arena a = {0};
    struct rng r;
    (void)state;
    rng_init(&r, 7);
    open_served(&s, "");
    for (size_t i = 0; i < ROUNDS; i++) {
        int fd = dial(&s);
        say(&s, fd, text, rng_below(&r, sizeof text));
        slam(fd);
    }
    others_are_served(&s);
    assert_int_equal(shop_status(&s, &a).lost, 0);
    arena_release(&a);
    shop_close(&s);
}

/* Who says no more may still be answered; who stops in the middle is told. */
static void test_door_answers_half_open_connections(void **state)
{
    struct shop s;
    (void)state;
    open_served(&s, "");
    int fd = dial(&s);
    say(&s, fd, ITEMS, sizeof ITEMS - 1);
    shutdown(fd, SHUT_WR);
    assert_true(hear(&s, fd, "HTTP/1.1 200 OK\r\n"));
    close(fd);
    fd = dial(&s);
    say(&s, fd, ITEMS, sizeof ITEMS - 10);
    shutdown(fd, SHUT_WR);
    assert_true(hear(&s, fd, "the request is cut off"));
    close(fd);
    others_are_served(&s);
    shop_close(&s);
}

/* ---- too large ---- */

static void test_door_names_what_is_too_large(void **state)
{
    static const struct {
        const char *before;
        size_t fill;
        const char *after, *expected;
    } rows[] = {
        {"GET /de/items?q=", 17 << 10, " HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 414 "},
        {"GET /de/items HTTP/1.1\r\nHost: a\r\nX: ", 17 << 10, "\r\n\r\n", "HTTP/1.1 431 "},
        {"POST /de/items HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 0, "",
         "HTTP/1.1 413 "},
        {"POST /de/items HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 0,
         "", "HTTP/1.1 400 "},
        {"GET /de/items HTTP/1.1\r\n\r\n", 0, "", "HTTP/1.1 400 "},
    };
    static char fill[32 << 10];
    struct shop s;
    (void)state;
    open_served(&s, "");
    memset(fill, 'x', sizeof fill);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = dial(&s);
        say(&s, fd, rows[i].before, strlen(rows[i].before));
        say(&s, fd, fill, rows[i].fill);
        say(&s, fd, rows[i].after, strlen(rows[i].after));
        if (!hear(&s, fd, rows[i].expected))
            fail_msg("row %zu: no %s", i, rows[i].expected);
        close(fd);
    }
    assert_int_equal(shop_requests(&s, SHOP_DE, LAYOUT_CATALOG), 0);
    others_are_served(&s);
    shop_close(&s);
}

/* ---- noise ---- */

static int dial_unix(const struct shop *s)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/door.sock", s->dir);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0)
        assert_int_equal(errno, EAGAIN); /* its queue is full: the next will do */
    return fd;
}

static void test_door_survives_noise_on_its_sockets(void **state)
{
    enum { ROUNDS = 300 };
    static char noise[4096];
    struct shop s;
    struct arena a = {0};
    struct rng r;
    (void)state;
    rng_init(&r, 8);
    open_served(&s, "");
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t len = 1 + rng_below(&r, sizeof noise);
        for (size_t k = 0; k < len; k++)
            noise[k] = (char)rng_u64(&r);
        if (i % 3 == 0) /* it begins well */
            memcpy(noise, "GET /status HTTP/1.1\r\n", 22);
        int inside = dial_unix(&s), outside = dial(&s);
        say(&s, inside, noise, len);
        say(&s, outside, noise, len);
        slam(inside);
        slam(outside);
    }
    others_are_served(&s);
    struct status status = shop_status(&s, &a);
    assert_int_equal(status.cell_count, SHOP_CELLS);
    arena_release(&a);
    shop_close(&s);
}

/* ---- descriptors ---- */

static void test_door_survives_without_descriptors(void **state)
{
    enum { CLIENTS = 400 };
    static int fd[CLIENTS];
    struct shop s;
    (void)state;
    shop_open_few(&s, "\"timeout\": \"20s\"", "260");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    shop_staff(&s, SHOP_FR, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    others_are_served(&s); /* its connection stays */
    for (size_t i = 0; i < CLIENTS; i++) {
        fd[i] = dial(&s);
        say(&s, fd[i], ITEMS, sizeof ITEMS - 1);
    }
    others_are_served(&s);
    for (size_t i = 0; i < CLIENTS; i++)
        slam(fd[i]);
    shop_release(&s, SHOP_DE, LAYOUT_CATALOG);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_ANSWERS;
    others_are_served(&s);
    int again = dial(&s);
    say(&s, again, ITEMS, sizeof ITEMS - 1);
    assert_true(hear(&s, again, "HTTP/1.1 200 OK\r\n"));
    close(again);
    shop_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_door_ends_heads_and_bodies_that_dribble),
        cmocka_unit_test(test_door_bounds_bodies_that_are_held),
        cmocka_unit_test(test_door_bounds_answers_that_are_not_read),
        cmocka_unit_test(test_door_takes_a_pipelined_flood_a_few_at_a_time),
        cmocka_unit_test(test_door_survives_resets_in_the_middle),
        cmocka_unit_test(test_door_answers_half_open_connections),
        cmocka_unit_test(test_door_names_what_is_too_large),
        cmocka_unit_test(test_door_survives_noise_on_its_sockets),
        cmocka_unit_test(test_door_survives_without_descriptors),
    };
    int status;
    if (shop_is_door(argc, argv, &status))
        return status;
    return cmocka_run_group_tests_name("door_hostile", tests, NULL, NULL);
}
