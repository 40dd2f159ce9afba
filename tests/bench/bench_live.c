#include "tests/bench/bench_live.h"

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"
#include "commands/files.h"
#include "commands/mix.h"
#include "commands/scratch.h"
#include "control/live/crew.h"
#include "tests/bench/floor_http.h"
#include "tests/bench/http_rate.h"
#include "tests/bench/nginx.h"
#include "wire/clock.h"
#include "wire/load.h"
#include "wire/store_folder.h"

enum {
    ROUNDS = 3,
    ZONES = 3,
    RATE_CONNECTIONS = 32,
    RATE_US = 1500000,
    ITEMS = 1000,
    CUSTOMERS = 100,
    CLIENTS = 64,
    ORDERS_US = 3000000,
    KILL_RPS = 500,
    KILL_US = 4000000,
    KILL_AT_US = 1500000,
    TIMEOUT_US = 5000000,
    SETTLE_US = 10000000,
    IDLE_US = 15000000,
    LARGE_SETTLE_US = 60000000, /* until each has spoken to most of its cell */
    LARGE_IDLE_US = 30000000,
};

/* Room enough for 64 clients at one replica, so that nothing is shed by intent. */
static const char topology[] =
    "{\"countries\": {\"GB\": {\"customers\": 100000}, \"DE\": {\"customers\": 100000},"
    " \"FR\": {\"customers\": 100000}},"
    " \"cells\": {\"gb\": {\"countries\": [\"GB\"], \"zones\": [\"a\", \"b\", \"c\"]},"
    " \"de\": {\"countries\": [\"DE\"], \"zones\": [\"a\", \"b\", \"c\"]},"
    " \"fr\": {\"countries\": [\"FR\"], \"zones\": [\"a\", \"b\", \"c\"]}},"
    " \"services\": {\"catalog\": {\"share\": 60, \"concurrency\": 256, \"queue\": 1024},"
    " \"customer\": {\"share\": 20, \"concurrency\": 256, \"queue\": 1024},"
    " \"order\": {\"share\": 15, \"concurrency\": 256, \"queue\": 1024},"
    " \"vendor\": {\"share\": 5, \"concurrency\": 256, \"queue\": 1024}}}";

const char *const bench_live_words[BENCH_LIVE_PARTS + 1] = {
    "up", "read", "door", "orders", "zone_kill", "zone_silent", "idle", "idle_large", NULL,
};

struct bench {
    struct bench_live_result *r;
    const volatile sig_atomic_t *stop;
    bench_live_progress *progress;
    void *context;
    struct error *err;
    struct arena arena;
    struct topo topo, large;
    struct scratch scratch;
    char country[1][3];
    struct mix mix;
    size_t made; /* of what `next_...` gives */
    char target[64], key[64], body[256];
    char fault[96];
    bool fault_sent, fault_taken;
    unsigned losses;
    struct arena *results;
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double value[ROUNDS])
{
    qsort(value, ROUNDS, sizeof value[0], compare);
    return value[ROUNDS / 2];
}

static int begin_of(struct bench *b, const char *part, unsigned round, unsigned rounds)
{
    if (b->stop != NULL && *b->stop)
        return error_set(b->err, ERR_SYSTEM, "stopped");
    if (b->progress != NULL)
        b->progress(b->context, part, round, rounds);
    return 0;
}

static int begin(struct bench *b, const char *part, unsigned round)
{
    return begin_of(b, part, round, ROUNDS);
}

static size_t cell(const struct bench *b)
{
    return topo_cell_at(&b->topo, "de");
}

static int port_of(const struct bench *b, size_t zone, enum layout_service kind)
{
    const struct layout *l = &b->scratch.layout;
    return layout_port(l, cell(b), zone, layout_index(l, kind));
}

/* ---- up, and its memory ---- */

static int bench_up(struct bench *b)
{
    double up_s[ROUNDS];
    struct crew crew = {.count = 0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (begin(b, "up", i) != 0 || scratch_up(&b->scratch, b->err) != 0)
            return -1;
        up_s[i] = (double)b->scratch.up_us / 1e6;
        if (i + 1 < ROUNDS && scratch_down(&b->scratch, b->err) != 0)
            return -1;
    }
    b->r->up_s = median(up_s);
    int status = crew_find(&crew, b->scratch.state, b->err);
    int64_t bytes = status == 0 ? crew_pss_bytes(&crew) : -1;
    b->r->processes = (int64_t)crew.count;
    b->r->pss_mb = bytes < 0 ? (double)NAN : (double)bytes / 1e6;
    crew_release(&crew);
    return status;
}

/* ---- rows to work with ---- */

static void post(struct bench *b, struct load_request *out)
{
    *out = (struct load_request){.method = "POST",
                                 .target = b->target,
                                 .key = b->key,
                                 .body = b->body,
                                 .len = strlen(b->body)};
}

static bool next_row(void *context, struct load_request *out)
{
    struct bench *b = context;
    size_t i = b->made++;
    if (i >= CUSTOMERS + ITEMS)
        return false;
    snprintf(b->key, sizeof b->key, "fill-%zu", i);
    if (i < CUSTOMERS) {
        snprintf(b->target, sizeof b->target, "/de/customers");
        snprintf(b->body, sizeof b->body, "{\"name\":\"Customer %zu\",\"code\":\"%zu\"}", i, i);
    } else {
        snprintf(b->target, sizeof b->target, "/de/items");
        snprintf(b->body, sizeof b->body,
                 "{\"description\":\"Thing number %zu of many\",\"price_pence\":%zu,"
                 "\"stock\":1000000000,\"code\":\"%zu\"}",
                 i - CUSTOMERS, i, i - CUSTOMERS);
    }
    post(b, out);
    return true;
}

static int fill(struct bench *b)
{
    struct load_result result;
    const struct load_opts opts = {.stop = b->stop};
    const struct load_stream stream = {.port = b->scratch.layout.port,
                                       .pace = LOAD_CLOSED,
                                       .for_us = INT64_MAX,
                                       .in_flight_max = 32,
                                       .timeout_us = TIMEOUT_US,
                                       .retries = 3,
                                       .groups = 1,
                                       .next = next_row,
                                       .context = b};
    if (load_run(&result, &stream, 1, &opts, &b->arena, b->err) != 0)
        return -1;
    if (load_failed(&result.all) > 0)
        return error_set(b->err, ERR_SYSTEM, "%llu of %llu rows could not be made",
                         (unsigned long long)load_failed(&result.all),
                         (unsigned long long)result.all.planned);
    return 0;
}

/* ---- a read at a replica, beside the floor ---- */

static const char item[] = "/de/items/de-i-500";

static int measure(struct bench *b, struct http_rate *rate, int port, const pid_t *pids,
                   size_t pid_count)
{
    return http_rate_measure(rate, port, item, RATE_CONNECTIONS, RATE_US, pids, pid_count, b->stop,
                             b->err);
}

static int bench_read(struct bench *b)
{
    struct http_rate replica, floor;
    double of_replica[ROUNDS], of_floor[ROUNDS], ratio[ROUNDS], wall[ROUNDS], floor_wall[ROUNDS];
    char answer[HTTP_RATE_ANSWER_MAX];
    size_t len;
    pid_t floor_pid, pid = (pid_t)scratch_pid(&b->scratch, "zones/de/a/catalog");
    int floor_port, port = port_of(b, 0, LAYOUT_CATALOG), status = 0;
    if (http_rate_probe(answer, &len, port, item, b->err) != 0)
        return -1;
    if (pid == 0 || floor_http_start(&floor_pid, &floor_port, answer, len) != 0)
        return error_set(b->err, ERR_SYSTEM, "the floor of reads does not start");
    for (unsigned i = 0; i < ROUNDS && status == 0; i++) {
        status = begin(b, "read", i) != 0 || measure(b, &replica, port, &pid, 1) != 0 ||
                         measure(b, &floor, floor_port, &floor_pid, 1) != 0
                     ? -1
                     : 0;
        of_replica[i] = replica.per_cpu_s;
        of_floor[i] = floor.per_cpu_s;
        ratio[i] = replica.per_cpu_s / floor.per_cpu_s;
        wall[i] = replica.per_s;
        floor_wall[i] = floor.per_s;
    }
    kill(floor_pid, SIGKILL);
    waitpid(floor_pid, NULL, 0);
    if (status == 0)
        b->r->read = (struct bench_live_read){median(of_replica), median(of_floor), median(ratio),
                                              median(wall), median(floor_wall)};
    return status;
}

/* ---- the door, beside nginx ---- */

static int bench_door(struct bench *b)
{
    struct http_rate door, other = {(double)NAN, (double)NAN, (double)NAN};
    struct nginx nginx = {.port = 0};
    double of_door[ROUNDS], of_nginx[ROUNDS], ratio[ROUNDS], p99[ROUNDS], nginx_p99[ROUNDS];
    int upstream[ZONES], status = 0;
    pid_t pid = (pid_t)scratch_pid(&b->scratch, "door");
    bool beside = nginx_program() != NULL;
    for (size_t i = 0; i < ZONES; i++)
        upstream[i] = port_of(b, i, LAYOUT_CATALOG);
    if (beside && nginx_start(&nginx, b->scratch.dir, upstream, ZONES, b->err) != 0)
        return -1;
    for (unsigned i = 0; i < ROUNDS && status == 0; i++) {
        if (begin(b, "door", i) != 0 || measure(b, &door, b->scratch.layout.port, &pid, 1) != 0 ||
            (beside && measure(b, &other, nginx.port, nginx.pid, 2) != 0))
            status = -1;
        of_door[i] = door.per_cpu_s;
        of_nginx[i] = other.per_cpu_s;
        ratio[i] = door.per_cpu_s / other.per_cpu_s;
        p99[i] = door.p99_us / 1000;
        nginx_p99[i] = other.p99_us / 1000;
    }
    nginx_stop(&nginx);
    if (status != 0)
        return -1;
    b->r->door = (struct bench_live_door){median(of_door), (double)NAN, (double)NAN, median(p99),
                                          (double)NAN};
    if (beside) {
        b->r->door.nginx_p99_ms = median(nginx_p99);
        b->r->door.nginx_per_cpu_s = median(of_nginx);
        b->r->door.ratio = median(ratio);
    }
    return 0;
}

/* ---- orders ---- */

static bool next_order(void *context, struct load_request *out)
{
    struct bench *b = context;
    size_t i = b->made++;
    snprintf(b->target, sizeof b->target, "/de/orders");
    snprintf(b->key, sizeof b->key, "bench-%zu", i);
    snprintf(b->body, sizeof b->body,
             "{\"customer\":\"de-c-%zu\",\"lines\":[{\"item\":\"de-i-%zu\",\"quantity\":1}]}",
             i % CUSTOMERS, i * 7 % ITEMS);
    post(b, out);
    return true;
}

static int bench_orders(struct bench *b)
{
    double per_s[ROUNDS], p99_ms[ROUNDS], flush_us[ROUNDS];
    struct load_result result;
    const struct load_opts opts = {.stop = b->stop};
    const struct load_stream stream = {.port = b->scratch.layout.port,
                                       .pace = LOAD_CLOSED,
                                       .for_us = ORDERS_US,
                                       .in_flight_max = CLIENTS,
                                       .timeout_us = TIMEOUT_US,
                                       .groups = 1,
                                       .next = next_order,
                                       .context = b};
    b->made = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (begin(b, "orders", i) != 0)
            return -1;
        flush_us[i] = (double)store_flush_probe_us(b->scratch.dir);
        if (load_run(&result, &stream, 1, &opts, &b->arena, b->err) != 0)
            return -1;
        if (load_failed(&result.all) > 0)
            return error_set(b->err, ERR_SYSTEM, "%llu of %llu orders failed",
                             (unsigned long long)load_failed(&result.all),
                             (unsigned long long)result.all.planned);
        per_s[i] = (double)result.all.outcome[LOAD_OK] * 1e6 / (double)result.wall_us;
        p99_ms[i] = hist_quantile_us(&result.all.latency, 0.99) / 1000;
    }
    b->r->orders =
        (struct bench_live_orders){median(per_s), median(p99_ms), (int64_t)median(flush_us)};
    return 0;
}

/* ---- lost zones ---- */

static bool next_mixed(void *context, struct load_request *out)
{
    struct bench *b = context;
    return mix_next(&b->mix, out);
}

static void mixed_done(void *context, const struct load_request *r, enum load_outcome outcome,
                       const struct http_reply *reply)
{
    struct bench *b = context;
    mix_done(&b->mix, r, outcome, reply);
}

static bool next_fault(void *context, struct load_request *out)
{
    struct bench *b = context;
    if (b->fault_sent)
        return false;
    b->fault_sent = true;
    *out = (struct load_request){.method = "POST",
                                 .target = "/faults",
                                 .body = b->fault,
                                 .len = strlen(b->fault),
                                 .at_us = KILL_AT_US};
    return true;
}

static void take_fault(void *context, const struct load_request *r, enum load_outcome outcome,
                       const struct http_reply *reply)
{
    struct bench *b = context;
    (void)r;
    (void)reply;
    b->fault_taken = outcome == LOAD_OK;
}

static int lose_zone(struct bench *b, struct bench_live_loss *loss, unsigned round)
{
    const struct load_stream streams[2] = {{.port = b->scratch.layout.port,
                                            .pace = LOAD_RANDOM,
                                            .rate = KILL_RPS,
                                            .seed = round + 1,
                                            .for_us = KILL_US,
                                            .in_flight_max = 1024,
                                            .timeout_us = TIMEOUT_US,
                                            .groups = 1,
                                            .next = next_mixed,
                                            .done = mixed_done,
                                            .context = b},
                                           {.socket = b->scratch.control,
                                            .pace = LOAD_AS_TOLD,
                                            .for_us = KILL_US,
                                            .in_flight_max = 1,
                                            .timeout_us = TIMEOUT_US,
                                            .groups = 1,
                                            .next = next_fault,
                                            .done = take_fault,
                                            .context = b}};
    struct load_result results[2];
    const struct load_opts opts = {.stop = b->stop};
    b->fault_sent = b->fault_taken = false;
    if (load_run(results, streams, 2, &opts, &b->arena, b->err) != 0)
        return -1;
    if (!b->fault_taken)
        return error_set(b->err, ERR_SYSTEM, "the zone was not lost");
    const struct load_tally *all = &results[0].all;
    double pause_ms = (double)all->pause_us / 1000, max_ms = (double)all->latency.max_us / 1000;
    loss->requests += (int64_t)all->planned;
    loss->failed += (int64_t)load_failed(all);
    loss->pause_ms = pause_ms > loss->pause_ms ? pause_ms : loss->pause_ms;
    loss->max_ms = max_ms > loss->max_ms ? max_ms : loss->max_ms;
    loss->pauses_ms[loss->count++] = pause_ms;
    return 0;
}

/* Why requests failed in this part. */
static int keep_failures(struct bench *b, struct bench_live_loss *loss)
{
    struct failures *f = arena_alloc(b->results, 1, sizeof *f);
    if (f == NULL)
        return error_memory(b->err);
    *f = b->mix.failures;
    b->mix.failures = (struct failures){0};
    for (size_t i = 0; i < f->count; i++)
        f->reason[i].why = f->reason[i].text;
    loss->failures = f->reason;
    loss->failure_count = f->count;
    return 0;
}

static int bench_loss(struct bench *b, struct bench_live_loss *loss, const char *kind,
                      const char *part)
{
    loss->pause_ms = loss->max_ms = 0;
    loss->pauses_ms = arena_alloc(b->results, b->losses, sizeof loss->pauses_ms[0]);
    if (loss->pauses_ms == NULL)
        return error_memory(b->err);
    for (unsigned i = 0; i < b->losses; i++) { /* "up" waits until all are healthy again */
        snprintf(b->fault, sizeof b->fault,
                 "{\"kind\": \"%s\", \"scope\": \"de/%c\", \"for\": \"1s\"}", kind,
                 "abc"[i % ZONES]);
        if (begin_of(b, part, i, b->losses) != 0 || lose_zone(b, loss, i) != 0 ||
            scratch_up(&b->scratch, b->err) != 0)
            return -1;
    }
    qsort(loss->pauses_ms, loss->count, sizeof loss->pauses_ms[0], compare);
    return keep_failures(b, loss);
}

static int bench_kill(struct bench *b)
{
    return bench_loss(b, &b->r->zone_kill, "zone-down", "zone kill");
}

static int bench_silent(struct bench *b)
{
    return bench_loss(b, &b->r->zone_silent, "partition", "zone silent");
}

/* ---- asked nothing ---- */

static int bench_idle(struct bench *b)
{
    return begin_of(b, "idle", 0, 1) != 0
               ? -1
               : idle_measure(&b->r->idle, b->scratch.state, SETTLE_US, IDLE_US, b->stop, b->err);
}

/* Read before anything is measured: it may be looked for in the wrong folder. */
static int read_large(struct bench *b)
{
    const char *text, *path = files_example("thirty-countries.json", &b->arena);
    size_t len;
    if (path == NULL)
        return error_memory(b->err);
    return files_read(&text, &len, path, &b->arena, b->err) != 0
               ? -1
               : topo_parse(&b->large, text, len, NULL, 0, &b->arena, b->err);
}

static int idle_large(struct bench *b, struct scratch *scratch)
{
    if (scratch_begin(scratch, &b->large, &b->arena, b->err) != 0 ||
        scratch_up(scratch, b->err) != 0)
        return -1;
    return idle_measure(&b->r->idle_large, scratch->state, LARGE_SETTLE_US, LARGE_IDLE_US, b->stop,
                        b->err);
}

static int bench_idle_large(struct bench *b)
{
    struct scratch scratch = {.dir = ""};
    struct error end;
    if (begin_of(b, "idle, large", 0, 1) != 0 || scratch_down(&b->scratch, b->err) != 0)
        return -1;
    int status = idle_large(b, &scratch);
    if (scratch_end(&scratch, &end) != 0 && status == 0) {
        *b->err = end;
        status = -1;
    }
    return status;
}

/* ---- all of it ---- */

static int (*const parts[BENCH_LIVE_PARTS])(struct bench *b) = {
    [BENCH_LIVE_UP] = bench_up,     [BENCH_LIVE_READ] = bench_read,
    [BENCH_LIVE_DOOR] = bench_door, [BENCH_LIVE_ORDERS] = bench_orders,
    [BENCH_LIVE_KILL] = bench_kill, [BENCH_LIVE_SILENT] = bench_silent,
    [BENCH_LIVE_IDLE] = bench_idle, [BENCH_LIVE_IDLE_LARGE] = bench_idle_large,
};

/* What all parts but the first need. */
static int prepare(struct bench *b)
{
    return scratch_up(&b->scratch, b->err) != 0 || fill(b) != 0 ||
                   mix_init(&b->mix, b->country, 1, b->scratch.layout.port, 1, b->stop, &b->arena,
                            b->err) != 0
               ? -1
               : 0;
}

static int run(struct bench *b, enum bench_live_part only)
{
    bool large = only == BENCH_LIVE_PARTS || only == BENCH_LIVE_IDLE_LARGE;
    if (large && read_large(b) != 0)
        return -1;
    if (topo_parse(&b->topo, topology, sizeof topology - 1, NULL, 0, &b->arena, b->err) != 0 ||
        scratch_begin(&b->scratch, &b->topo, &b->arena, b->err) != 0)
        return -1;
    for (int part = 0; part < BENCH_LIVE_PARTS; part++) {
        if (part == BENCH_LIVE_READ && only != BENCH_LIVE_UP && prepare(b) != 0)
            return -1;
        if ((only == BENCH_LIVE_PARTS || (int)only == part) && parts[part](b) != 0)
            return -1;
    }
    return 0;
}

int bench_live_run(struct bench_live_result *r, enum bench_live_part part, unsigned losses,
                   const volatile sig_atomic_t *stop, bench_live_progress *progress, void *context,
                   struct arena *a, struct error *err)
{
    static struct bench b; /* it holds the body of an order */
    struct error end;
    b = (struct bench){.r = r,
                       .stop = stop,
                       .progress = progress,
                       .context = context,
                       .err = err,
                       .losses = losses,
                       .results = a,
                       .country = {"de"}};
    const double none = (double)NAN;
    *r = (struct bench_live_result){
        .up_s = none,
        .pss_mb = none,
        .read = {none, none, none, none, none},
        .orders = {.per_s = none, .p99_ms = none},
        .zone_kill = {.pause_ms = none, .max_ms = none},
        .zone_silent = {.pause_ms = none, .max_ms = none},
        .door = {none, none, none, none, none},
        .idle = {.share = none, .for_s = none},
        .idle_large = {.share = none, .for_s = none},
    };
    int status = run(&b, part);
    int ended = scratch_end(&b.scratch, &end);
    if (status == 0 && ended != 0) {
        *err = end;
        status = -1;
    }
    arena_release(&b.arena);
    return status;
}
