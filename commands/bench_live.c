#include "commands/bench_live.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/cli.h"
#include "commands/failures.h"
#include "commands/table.h"
#include "tests/bench/bench_live.h"

static const struct json_field read_fields[] = {
    JSON_F64(struct bench_live_read, rps, "rps", 0, 0,
             .doc = "Reads of an item by id that a replica answers per second of its CPU time"),
    JSON_F64(struct bench_live_read, floor_rps, "floor_rps", 0, 0,
             .doc = "The same bytes from a bare libuv server, per second of its CPU time"),
    JSON_F64(struct bench_live_read, ratio, "ratio", 0, 0,
             .doc = "Replica over floor: the median of the rounds' ratios"),
    JSON_F64(struct bench_live_read, wall_rps, "wall_rps", 0, 0,
             .doc = "Reads per second by the clock, the client beside on the same machine"),
    JSON_F64(struct bench_live_read, floor_wall_rps, "floor_wall_rps", 0, 0,
             .doc = "The same of the floor"),
    JSON_END,
};
static const struct json_field orders_fields[] = {
    JSON_F64(struct bench_live_orders, per_s, "per_s", 0, 0,
             .doc = "Orders of one line, acknowledged after the commit; 64 clients at the door"),
    JSON_F64(struct bench_live_orders, p99_ms, "p99_ms", 0, 0, .doc = "99 % took at most this"),
    JSON_I64(struct bench_live_orders, flush_us, "flush_us", 0, 0,
             .doc = "What one flush of the disk takes, the median"),
    JSON_END,
};
static const struct json_field loss_fields[] = {
    JSON_I64(struct bench_live_loss, requests, "requests", 0, 0,
             .doc = "Sent to a cell while its zones were lost, one after the other"),
    JSON_I64(struct bench_live_loss, failed, "failed", 0, 0, .doc = "Of those, not answered well"),
    JSON_F64(struct bench_live_loss, pause_ms, "pause_ms", 0, 0,
             .doc = "The longest time in which some waited and none was answered well"),
    JSON_F64(struct bench_live_loss, max_ms, "max_ms", 0, 0, .doc = "The longest latency"),
    JSON_F64S(struct bench_live_loss, pauses_ms, count, "pauses_ms", 0, 0,
              .doc = "The longest pause of each loss, the shortest first"),
    JSON_LIST(struct bench_live_loss, failures, failure_count, "failures", struct failure,
              failure_fields, .doc = "Why requests failed, each reason once"),
    JSON_END,
};
static const struct json_field door_fields[] = {
    JSON_F64(struct bench_live_door, per_cpu_s, "per_cpu_s", 0, 0,
             .doc = "Reads through the door per second of its CPU time"),
    JSON_F64(struct bench_live_door, nginx_per_cpu_s, "nginx_per_cpu_s", 0, 0,
             .doc = "The same through nginx, to the same replicas; null: not installed"),
    JSON_F64(struct bench_live_door, ratio, "ratio", 0, 0,
             .doc = "Door over nginx: the median of the rounds' ratios; null: no nginx"),
    JSON_F64(struct bench_live_door, p99_ms, "p99_ms", 0, 0,
             .doc = "99 % of the reads took at most this, on 32 connections that never rest"),
    JSON_F64(struct bench_live_door, nginx_p99_ms, "nginx_p99_ms", 0, 0,
             .doc = "The same through nginx; null: not installed"),
    JSON_END,
};
static const struct json_field idle_fields[] = {
    JSON_F64(struct idle, share, "share", 0, 0, .doc = "CPU time of all processes, of one core"),
    JSON_F64(struct idle, for_s, "for_s", 0, 0, .doc = "Measured for so long"),
    JSON_I64(struct idle, processes, "processes", 0, 0, .doc = "So many"),
    JSON_END,
};
const struct json_field bench_live_fields[] = {
    JSON_F64(struct bench_live_result, up_s, "up_s", 0, 0,
             .doc = "Until three cells of three zones and four services are healthy"),
    JSON_F64(struct bench_live_result, pss_mb, "pss_mb", 0, 0,
             .doc = "Memory of all their processes, shared pages counted once, in 10^6 bytes"),
    JSON_I64(struct bench_live_result, processes, "processes", 0, 0, .doc = "So many"),
    JSON_OBJECT(struct bench_live_result, read, "read", read_fields, .doc = "A read at a replica"),
    JSON_OBJECT(struct bench_live_result, orders, "orders", orders_fields, .doc = "Orders"),
    JSON_OBJECT(struct bench_live_result, zone_kill, "zone_kill", loss_fields,
                .doc = "kill -9 of a zone under load"),
    JSON_OBJECT(struct bench_live_result, zone_silent, "zone_silent", loss_fields,
                .doc = "A zone under load whose network is cut, so that nothing is heard of it"),
    JSON_OBJECT(struct bench_live_result, door, "door", door_fields, .doc = "The door"),
    JSON_OBJECT(struct bench_live_result, idle, "idle", idle_fields,
                .doc = "What it costs while nothing is asked of it"),
    JSON_OBJECT(struct bench_live_result, idle_large, "idle_large", idle_fields,
                .doc = "The same of sim-configs/thirty-countries.json"),
    JSON_END,
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

static void show_progress(void *context, const char *part, unsigned round, unsigned rounds)
{
    (void)context;
    fprintf(stderr, "\r%-12s round %u of %u", part, round + 1, rounds);
}

static const char *verdict(double value, double goal, bool at_most)
{
    if (isnan(value))
        return "not known";
    return (at_most ? value <= goal : value >= goal) ? "" : "missed";
}

static void put(struct table *t, const char *what, const char *value, const char *floor,
                const char *goal, const char *verdict_)
{
    table_put(t, "%s", what);
    table_put(t, "%s", value);
    table_put(t, "%s", floor);
    table_put(t, "%s", goal);
    table_put(t, "%s", verdict_);
}

static const char *text(char out[48], const char *format, double value)
{
    if (isnan(value))
        snprintf(out, 48, "-");
    else
        snprintf(out, 48, format, value);
    return out;
}

static void put_up(struct table *t, const struct bench_live_result *r)
{
    char a[48];
    put(t, "up, all healthy", text(a, "%.2f s", r->up_s), "", "1 s", verdict(r->up_s, 1, true));
    put(t, "memory in all", text(a, "%.0f MB", r->pss_mb), "", "200 MB",
        verdict(r->pss_mb, 200, true));
}

static void put_read(struct table *t, const struct bench_live_result *r)
{
    char a[48], b[48];
    put(t, "reads per CPU second of a replica", text(a, "%.0f", r->read.rps),
        text(b, "%.0f", r->read.floor_rps), "", "");
    put(t, "  ratio", text(a, "%.2f", r->read.ratio), "", "0.50",
        verdict(r->read.ratio, 0.5, false));
}

static void put_door(struct table *t, const struct bench_live_result *r)
{
    char a[48], b[48], c[48];
    put(t, "reads per CPU second of the door, and of nginx", text(a, "%.0f", r->door.per_cpu_s),
        text(b, "%.0f", r->door.nginx_per_cpu_s), "", "");
    put(t, "  ratio", text(a, "%.2f", r->door.ratio), "", "0.90",
        verdict(r->door.ratio, 0.9, false));
    put(t, "  their p99, and of nginx", text(a, "%.2f ms", r->door.p99_ms),
        text(b, "%.2f ms", r->door.nginx_p99_ms), text(c, "%.2f ms", r->door.nginx_p99_ms),
        verdict(r->door.p99_ms, r->door.nginx_p99_ms, true));
}

static void put_orders(struct table *t, const struct bench_live_result *r)
{
    char a[48], b[48];
    put(t, "orders per second, 64 clients", text(a, "%.0f", r->orders.per_s), "", "10000",
        verdict(r->orders.per_s, 10000, false));
    put(t, "  their p99; one flush of the disk", text(a, "%.1f ms", r->orders.p99_ms),
        text(b, "%.0f us", (double)r->orders.flush_us), "5 ms", verdict(r->orders.p99_ms, 5, true));
}

static void put_loss(struct table *t, const char *what, const struct bench_live_loss *loss,
                     const char *goal, double pause_ms)
{
    char a[48], b[48];
    put(t, what, text(a, "%.0f", (double)loss->failed), text(b, "of %.0f", (double)loss->requests),
        "0", verdict((double)loss->failed, 0, true));
    put(t, "  the longest pause", text(a, "%.0f ms", loss->pause_ms), "", goal,
        verdict(loss->pause_ms, pause_ms, true));
}

static void put_kill(struct table *t, const struct bench_live_result *r)
{
    put_loss(t, "requests failed as zones are killed", &r->zone_kill, "250 ms", 250);
}

static void put_silent(struct table *t, const struct bench_live_result *r)
{ /* the timeout of a try, and 250 */
    put_loss(t, "requests failed as zones go silent", &r->zone_silent, "1250 ms", 1250);
}

static void put_idle(struct table *t, const struct bench_live_result *r)
{
    char a[48], b[48];
    put(t, "idle, of one core", text(a, "%.1f %%", r->idle.share * 100),
        text(b, "%.0f processes", (double)r->idle.processes), "", "");
}

static void put_idle_large(struct table *t, const struct bench_live_result *r)
{
    char a[48], b[48];
    put(t, "thirty countries idle", text(a, "%.1f %%", r->idle_large.share * 100),
        text(b, "%.0f processes", (double)r->idle_large.processes), "20 %",
        verdict(r->idle_large.share, 0.2, true));
}

static void (*const rows[BENCH_LIVE_PARTS])(struct table *t, const struct bench_live_result *r) = {
    [BENCH_LIVE_UP] = put_up,     [BENCH_LIVE_READ] = put_read,
    [BENCH_LIVE_DOOR] = put_door, [BENCH_LIVE_ORDERS] = put_orders,
    [BENCH_LIVE_KILL] = put_kill, [BENCH_LIVE_SILENT] = put_silent,
    [BENCH_LIVE_IDLE] = put_idle, [BENCH_LIVE_IDLE_LARGE] = put_idle_large,
};

static void print_reasons(const struct bench_live_loss *loss)
{
    for (size_t i = 0; i < loss->failure_count; i++)
        printf("%lld x %s\n", (long long)loss->failures[i].count, loss->failures[i].why);
}

static void print_table(const struct bench_live_result *r, enum bench_live_part only)
{
    struct table t;
    table_titles(&t, "<WHAT|MEASURED|FLOOR|GOAL|<");
    for (int part = 0; part < BENCH_LIVE_PARTS; part++)
        if (only == BENCH_LIVE_PARTS || (int)only == part)
            rows[part](&t, r);
    table_print(&t, stdout);
    print_reasons(&r->zone_kill);
    print_reasons(&r->zone_silent);
}

int bench_live(bool json, enum bench_live_part part, unsigned losses)
{
    struct sigaction action = {.sa_handler = on_signal}, before_int, before_term;
    struct bench_live_result result;
    struct arena a = {0};
    struct error err;
    bool terminal = isatty(STDERR_FILENO);
    stop = 0;
    sigaction(SIGINT, &action, &before_int); /* a second Ctrl-C must not leave processes behind */
    sigaction(SIGTERM, &action, &before_term);
    int status = bench_live_run(&result, part, losses, &stop, terminal ? show_progress : NULL, NULL,
                                &a, &err);
    sigaction(SIGINT, &before_int, NULL);
    sigaction(SIGTERM, &before_term, NULL);
    if (terminal)
        fprintf(stderr, "\r%*s\r", 40, "");
    if (status != 0) {
        status = cli_fail(err.text);
    } else if (json) {
        const char *out = json_encode(&result, bench_live_fields, &a);
        fputs(out == NULL ? "" : out, stdout);
        status = out == NULL ? cli_fail("no memory left") : EXIT_YES;
    } else {
        print_table(&result, part);
        status = EXIT_YES;
    }
    arena_release(&a);
    return status;
}
