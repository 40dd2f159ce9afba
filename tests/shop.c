#include "tests/shop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "control/live/door.h"

enum {
    PORTS = 1 + SHOP_CELLS * SHOP_ZONES * (SHOP_SERVICES + 1),
    FILES = 8192,
    CLIENTS_MAX = 4096
};

/* ---- the door's side ---- */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    assert_non_null(file);
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return text;
}

bool shop_is_door(int argc, char **argv, int *status)
{
    struct arena a = {0};
    struct topo topo;
    struct layout l;
    struct error err;
    if (argc != 5 || strcmp(argv[1], "door") != 0)
        return false;
    const struct rlimit files = {strtoul(argv[4], NULL, 10), strtoul(argv[4], NULL, 10)};
    if (files.rlim_max > 0)
        setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
    int log = open(in_folder(argv[2], "door.log"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    dup2(log, STDERR_FILENO);
    close(log);
    char *text = read_file(in_folder(argv[2], "topology.json"));
    if (topo_parse(&topo, text, strlen(text), NULL, 0, &a, &err) == 0 &&
        layout_init(&l, &topo, argv[2], (int)strtol(argv[3], NULL, 10), &err) == 0) {
        *status = door_run(&l, 0);
    } else {
        fprintf(stderr, "%s\n", err.text);
        *status = 2;
    }
    free(text);
    arena_release(&a);
    return true;
}

/* ---- a free block of ports ---- */

static bool is_free(int port)
{
    struct sockaddr_in at;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    uv_ip4_addr("127.0.0.1", port, &at);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool ok = bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0;
    close(fd);
    return ok;
}

/* Below the ephemeral ports. */
static int free_block(void)
{
    enum { FIRST = 10000, BLOCKS = (LAYOUT_PORT_MAX + 1 - FIRST) / PORTS };
    static unsigned turn;
    for (int tries = 0; tries < 1000; tries++) {
        int port = FIRST + (int)(((unsigned)getpid() * 7 + turn++) % BLOCKS) * PORTS;
        int count = 0;
        while (count < PORTS && is_free(port + count))
            count++;
        if (count == PORTS)
            return port;
    }
    fail_msg("no free block of ports");
    return 0;
}

/* ---- opening and closing ---- */

static void write_topology(struct shop *s, const char *policy)
{
    struct error err;
    char *text = arena_format(
        &s->arena,
        "{\"countries\": {\"DE\": {\"peak_rps\": 5000}, \"FR\": {\"peak_rps\": 50}},\n"
        "\"cells\": {\"de\": {\"countries\": [\"DE\"], \"zones\": [\"a\", \"b\", \"c\"]},\n"
        "\"fr\": {\"countries\": [\"FR\"], \"zones\": [\"a\", \"b\", \"c\"]}},\n"
        "\"services\": {\"catalog\": {}, \"customer\": {}, \"order\": {}, \"vendor\": {}},\n"
        "\"policy\": {%s}}\n",
        policy);
    FILE *file = fopen(in_folder(s->dir, "topology.json"), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    if (topo_parse(&s->topo, text, strlen(text), NULL, 0, &s->arena, &err) != 0 ||
        layout_init(&s->layout, &s->topo, s->dir, free_block(), &err) != 0)
        fail_msg("%s", err.text);
}

static void write_tape_name(struct shop *s)
{
    FILE *file = fopen(in_folder(s->dir, "tape"), "w");
    assert_non_null(file);
    fprintf(file, "%s/door.tape", s->dir);
    assert_int_equal(fclose(file), 0);
}

static void open_shop(struct shop *s, const char *policy, const char *files_max, bool taped)
{
    struct rlimit files;
    char port[16];
    memset(s, 0, sizeof *s);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
    setrlimit(RLIMIT_NOFILE, &files);
    uv_loop_init(&s->loop);
    folder_make(s->dir, sizeof s->dir);
    write_topology(s, policy);
    for (size_t c = 0; c < SHOP_CELLS; c++)
        for (size_t z = 0; z < SHOP_ZONES; z++)
            for (size_t i = 0; i < SHOP_SERVICES; i++) {
                s->replica[c][z][i].zone = z;
                s->replica[c][z][i].service = i;
            }
    if (taped)
        write_tape_name(s);
    snprintf(port, sizeof port, "%d", s->layout.port);
    kid_start(&s->door, "door", (const char *const[]){s->dir, port, files_max, NULL});
    s->client = http_client_new(&s->loop, s->layout.port, CLIENTS_MAX);
    assert_non_null(s->client);
    for (int status = 0, tries = 0; status != 200; tries++) {
        struct ask a = shop_get(s, "/health");
        status = a.status;
        ask_release(&a);
        if (tries > 100000 || waitpid(s->door.pid, NULL, WNOHANG) != 0)
            fail_msg("the door does not open");
    }
}

void shop_open(struct shop *s, const char *policy)
{
    open_shop(s, policy, "0", false);
}

void shop_open_few(struct shop *s, const char *policy, const char *files_max)
{
    open_shop(s, policy, files_max, false);
}

void shop_open_taped(struct shop *s, const char *policy)
{
    open_shop(s, policy, "0", true);
}

void shop_end(struct shop *s)
{
    if (!s->ending)
        kill(s->door.pid, SIGTERM);
    s->ending = true;
}

void shop_close(struct shop *s)
{
    http_client_free(s->client);
    shop_end(s);
    for (size_t c = 0; c < SHOP_CELLS; c++)
        for (size_t z = 0; z < SHOP_ZONES; z++)
            for (size_t i = 0; i < SHOP_SERVICES; i++)
                replica_kill(&s->replica[c][z][i]);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    int status = kid_wait(&s->door);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        char *log = read_file(in_folder(s->dir, "door.log"));
        fail_msg("the door ended with %d: %s", status, log);
    }
    assert_int_equal(uv_loop_close(&s->loop), 0);
    folder_remove(s->dir);
    arena_release(&s->arena);
}

/* ---- replicas ---- */

struct replica *shop_replica(struct shop *s, size_t cell, size_t zone, enum layout_service kind)
{
    return &s->replica[cell][zone][layout_index(&s->layout, kind)];
}

void shop_staff(struct shop *s, size_t cell, enum layout_service kind, enum replica_mode mode,
                replica_judge *judge, void *context)
{
    for (size_t z = 0; z < SHOP_ZONES; z++) {
        struct replica *r = shop_replica(s, cell, z, kind);
        r->mode = mode;
        r->judge = judge;
        r->context = context;
        if (!r->open)
            replica_open(r, &s->loop, layout_port(&s->layout, cell, z, r->service));
    }
}

size_t shop_requests(struct shop *s, size_t cell, enum layout_service kind)
{
    size_t count = 0;
    for (size_t z = 0; z < SHOP_ZONES; z++)
        count += shop_replica(s, cell, z, kind)->requests;
    return count;
}

size_t shop_held(struct shop *s, size_t cell, enum layout_service kind)
{
    size_t count = 0;
    for (size_t z = 0; z < SHOP_ZONES; z++)
        count += shop_replica(s, cell, z, kind)->held;
    return count;
}

void shop_release(struct shop *s, size_t cell, enum layout_service kind)
{
    for (size_t z = 0; z < SHOP_ZONES; z++)
        replica_release(shop_replica(s, cell, z, kind));
}

/* ---- waiting ---- */

static void on_tick(uv_timer_t *timer)
{
    struct shop_patience *p = timer->data;
    p->ticks_left -= p->ticks_left > 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct shop_patience *p = handle->data;
    p->closed = true;
}

void shop_patience_begin(struct shop_patience *p, uv_loop_t *loop)
{
    enum { TICK_MS = 5, TICKS = 4000 };
    *p = (struct shop_patience){.ticks_left = TICKS};
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    uv_timer_start(&p->timer, on_tick, TICK_MS, TICK_MS);
}

void shop_patience_end(struct shop_patience *p, uv_loop_t *loop)
{
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
    while (!p->closed)
        uv_run(loop, UV_RUN_NOWAIT);
}

/* ---- asking ---- */

static char *head_of(const struct http_reply *reply)
{
    size_t size = 1;
    for (size_t i = 0; i < reply->header_count; i++)
        size += strlen(reply->headers[i].name) + strlen(reply->headers[i].value) + 3;
    char *text = calloc(1, size);
    assert_non_null(text);
    for (size_t i = 0, used = 0; i < reply->header_count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s: %s\n", reply->headers[i].name,
                                 reply->headers[i].value);
    return text;
}

static void on_answer(void *context, const struct http_reply *reply)
{
    struct ask *a = context;
    *a = (struct ask){.done = true,
                      .failure = reply->failure,
                      .status = reply->status,
                      .head = head_of(reply),
                      .body = malloc(reply->len + 1),
                      .len = reply->len};
    assert_non_null(a->body);
    memcpy(a->body, reply->body, reply->len);
    a->body[a->len] = '\0';
}

void shop_ask(struct shop *s, struct ask *a, const char *method, const char *target,
              const struct http_header *headers, size_t count, const void *body, size_t len)
{
    *a = (struct ask){0};
    http_send(s->client, method, target, headers, count, body, len, 60 * 1000000, on_answer, a);
}

struct ask shop_get(struct shop *s, const char *target)
{
    struct ask a;
    shop_ask(s, &a, "GET", target, NULL, 0, NULL, 0);
    SHOP_UNTIL(s, a.done);
    return a;
}

void ask_release(struct ask *a)
{
    free(a->head);
    free(a->body);
    *a = (struct ask){0};
}

size_t shop_wait(struct shop *s, struct ask *asks, size_t count, int status)
{
    size_t same = 0;
    for (size_t i = 0; i < count; i++) {
        SHOP_UNTIL(s, asks[i].done);
        same += asks[i].status == status;
        ask_release(&asks[i]);
    }
    return same;
}

struct status shop_status(struct shop *s, struct arena *arena)
{
    struct status status;
    struct error err;
    struct ask a = {0};
    struct http_client *c = http_client_new_unix(&s->loop, in_folder(s->dir, "door.sock"), 1);
    assert_non_null(c);
    http_send(c, "GET", "/status", NULL, 0, NULL, 0, 10 * 1000000, on_answer, &a);
    SHOP_UNTIL(s, a.done);
    http_client_free(c);
    assert_int_equal(a.status, 200);
    if (json_decode(&status, sizeof status, status_fields, a.body, a.len, NULL, 0, arena, &err) !=
        0)
        fail_msg("%s", err.text);
    ask_release(&a);
    return status;
}

bool shop_logged(struct shop *s, const char *text)
{
    char *log = read_file(in_folder(s->dir, "door.log"));
    bool found = strstr(log, text) != NULL;
    free(log);
    return found;
}
