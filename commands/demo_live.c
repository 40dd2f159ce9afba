#include "commands/demo_live.h"

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/commands.h"
#include "commands/fill.h"
#include "commands/load_report.h"
#include "commands/mix.h"
#include "commands/orders_check.h"
#include "commands/scratch.h"
#include "commands/table.h"
#include "simulator/run.h"
#include "wire/clock.h"
#include "wire/load.h"

enum {
    COUNTRIES = 3,
    RATE = 1000,         /* requests per second, of which */
    ORDERS_PERCENT = 25, /* are orders */
    FAULT_S = 3,         /* the zone stays dead */
    IN_FLIGHT = 512,
    SEED = 1,
    TIMEOUT_US = 5000000,
};

struct demo {
    const char *folder;
    struct arena arena;
    struct error err;
    int64_t began_us;
    char country[COUNTRIES][3];
    struct shop shop;
    size_t orders_of[COUNTRIES]; /* in the file */
    int64_t requests;            /* of all countries, planned */
    struct files files;          /* the topology that both worlds go by */
    struct scratch scratch;
    struct fill fill;
    struct mix mix;
    struct load_result filled, live, fault;
    bool *acknowledged;
    bool fault_sent, fault_taken;
    int64_t fault_us;
    char fault_body[80];
    int64_t pid_before, pid_after; /* of a replica in the zone */
    struct orders_check check;
    struct run_result predicted;
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

static void tell(const char *what)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%-60s\r%s%s", "", what, what[0] == '\0' ? "" : " ...");
}

/* ---- the topology of both worlds ---- */

static int read_shop(struct demo *d)
{
    static const char *const names[COUNTRIES] = {"gb", "de", "fr"};
    const char *data = arena_format(&d->arena, "%s/data", d->folder);
    const char *orders = arena_format(&d->arena, "%s/data/orders.csv", d->folder);
    if (data == NULL || orders == NULL)
        return error_memory(&d->err);
    for (size_t i = 0; i < COUNTRIES; i++)
        memcpy(d->country[i], names[i], sizeof d->country[i]);
    if (shop_read_goods(&d->shop, data, &d->arena, &d->err) != 0 ||
        shop_read_orders(&d->shop, orders, &d->arena, &d->err) != 0)
        return -1;
    for (size_t i = 0; i < d->shop.order_count; i++)
        for (size_t k = 0; k < COUNTRIES; k++)
            d->orders_of[k] += strcmp(d->shop.orders[i].country, d->country[k]) == 0;
    size_t all = d->orders_of[0] + d->orders_of[1] + d->orders_of[2];
    d->requests = (int64_t)all * 100 / ORDERS_PERCENT;
    d->acknowledged = arena_alloc(&d->arena, d->shop.order_count, sizeof d->acknowledged[0]);
    return d->acknowledged == NULL ? error_memory(&d->err) : 0;
}

/* What a country gets per second: its own orders, and a third of the reads. */
static double rate_of(const struct demo *d, size_t country)
{
    size_t all = d->orders_of[0] + d->orders_of[1] + d->orders_of[2];
    double reads = (100.0 - ORDERS_PERCENT) / 100 / COUNTRIES;
    double orders = ORDERS_PERCENT / 100.0 * (double)d->orders_of[country] / (double)all;
    return RATE * (reads + orders);
}

static void set(struct cli_sets *sets, const char *path, const char *value)
{
    sets->set[sets->count++] = (struct json_set){path, value};
}

/* The example with the load of this demo, one server of each kind per zone, service times that this
 * machine can keep, which the replicas spend, and queues that outlast its own hiccups. */
static int make_topology(struct demo *d)
{
    static const char *const own[][2] = {
        {"services.catalog.time", "4ms"},   {"services.catalog.share", "60"},
        {"services.customer.time", "2ms"},  {"services.customer.share", "20"},
        {"services.vendor.time", "2ms"},    {"services.vendor.share", "5"},
        {"services.order.time", "8ms"},     {"policy.spend", "true"},
        {"services.catalog.queue", "256"},  {"services.customer.queue", "256"},
        {"services.order.queue", "256"},    {"services.vendor.queue", "256"},
        {"cells.gb.servers_per_zone", "1"}, {"cells.gb.zone_rtt", "200us"},
        {"cells.de.servers_per_zone", "1"}, {"cells.de.zone_rtt", "200us"},
        {"cells.fr.servers_per_zone", "1"}, {"cells.fr.zone_rtt", "200us"},
    };
    struct arena *a = &d->arena;
    struct cli_sets *sets = arena_alloc(a, 1, sizeof *sets);
    const char *path = arena_format(a, "%s/three-countries.json", d->folder);
    const char *order_share = arena_format(a, "%g", 85.0 * ORDERS_PERCENT / (100 - ORDERS_PERCENT));
    if (sets == NULL || path == NULL || order_share == NULL)
        return error_memory(&d->err);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        set(sets, own[i][0], own[i][1]);
    set(sets, "services.order.share", order_share);
    for (size_t i = 0; i < COUNTRIES; i++) {
        char *where[2] = {arena_format(a, "countries.%c%c.curve", d->country[i][0] & ~0x20,
                                       d->country[i][1] & ~0x20),
                          arena_format(a, "countries.%c%c.peak_rps", d->country[i][0] & ~0x20,
                                       d->country[i][1] & ~0x20)};
        const char *rps = arena_format(a, "%.3f", rate_of(d, i));
        if (where[0] == NULL || where[1] == NULL || rps == NULL)
            return error_memory(&d->err);
        set(sets, where[0], "flat");
        set(sets, where[1], rps);
    }
    return files_topology(&d->files, path, sets, a, &d->err);
}

/* ---- live ---- */

static int fill(struct demo *d)
{
    struct load_stream stream;
    const struct load_opts opts = {.stop = &stop};
    char failures[200];
    fill_plan(&d->fill, &stream, &d->shop, d->country, COUNTRIES, d->scratch.layout.port);
    if (load_run(&d->filled, &stream, 1, &opts, &d->arena, &d->err) != 0)
        return -1;
    if (load_failed(&d->filled.all) > 0)
        return error_set(&d->err, ERR_SYSTEM, "filling the cells failed: %s",
                         load_report_failures(&d->filled.all, failures, sizeof failures));
    return 0;
}

static bool next_fault(void *context, struct load_request *out)
{
    struct demo *d = context;
    if (d->fault_sent)
        return false;
    d->fault_sent = true;
    *out = (struct load_request){.method = "POST",
                                 .target = "/faults",
                                 .body = d->fault_body,
                                 .len = strlen(d->fault_body),
                                 .at_us = d->fault_us};
    return true;
}

static void take_fault(void *context, const struct load_request *r, enum load_outcome outcome,
                       const struct http_reply *reply)
{
    struct demo *d = context;
    (void)r;
    (void)reply;
    d->fault_taken = outcome == LOAD_OK;
}

static int replay(struct demo *d)
{
    const struct load_stream streams[2] = {
        {.port = d->scratch.layout.port,
         .pace = LOAD_RANDOM,
         .rate = RATE,
         .seed = SEED,
         .for_us = INT64_MAX,
         .in_flight_max = IN_FLIGHT,
         .timeout_us = TIMEOUT_US,
         .groups = COUNTRIES,
         .next = mix_next,
         .done = mix_done,
         .context = &d->mix},
        {.socket = d->scratch.control,
         .pace = LOAD_AS_TOLD,
         .for_us = INT64_MAX,
         .in_flight_max = 1,
         .timeout_us = TIMEOUT_US,
         .groups = 1,
         .next = next_fault,
         .done = take_fault,
         .context = d},
    };
    const struct load_opts opts = {.stop = &stop};
    struct load_result results[2];
    if (mix_init(&d->mix, d->country, COUNTRIES, d->scratch.layout.port, SEED, &stop, &d->arena,
                 &d->err) != 0)
        return -1;
    mix_share(&d->mix, ORDERS_PERCENT / 100.0);
    d->mix.replay = &d->shop;
    d->mix.acknowledged = d->acknowledged;
    d->fault_us = d->requests * 1000000 / RATE / 2;
    snprintf(d->fault_body, sizeof d->fault_body,
             "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"for\": \"%ds\"}", FAULT_S);
    d->pid_before = scratch_pid(&d->scratch, "zones/de/a/catalog");
    if (load_run(results, streams, 2, &opts, &d->arena, &d->err) != 0)
        return -1;
    d->pid_after = scratch_pid(&d->scratch, "zones/de/a/catalog");
    d->live = results[0];
    if (stop)
        return error_set(&d->err, ERR_SYSTEM, "stopped");
    if (!d->fault_taken || d->pid_before == 0 || d->pid_before == d->pid_after)
        return error_set(&d->err, ERR_SYSTEM, "the zone de/a was not killed");
    return 0;
}

/* ---- simulated ---- */

static int predict(struct demo *d)
{
    struct arena *a = &d->arena;
    struct cli_sets *sets = arena_alloc(a, 1, sizeof *sets);
    struct files *files = arena_alloc(a, 1, sizeof *files);
    int64_t ms = d->requests * 1000 / RATE;
    const char *path = arena_format(a, "%s/zone-loss-at-peak.json", d->folder);
    const char *duration = arena_format(a, "%lldms", (long long)ms);
    const char *faults = arena_format(a,
                                      "[{\"kind\": \"zone-down\", \"scope\": \"de/a\", "
                                      "\"at\": \"%lldms\", \"for\": \"%ds\"}]",
                                      (long long)ms / 2, FAULT_S);
    if (sets == NULL || files == NULL || path == NULL || duration == NULL || faults == NULL)
        return error_memory(&d->err);
    set(sets, "topology", d->scratch.topology);
    set(sets, "duration", duration);
    set(sets, "warmup", "0s");
    set(sets, "faults", faults);
    set(sets, "expect", "[]");
    set(sets, "replications", "20");
    if (files_scenario(files, path, sets, a, &d->err) != 0)
        return -1;
    for (size_t i = 0; i < files->topo.cell_count; i++) /* whoever asks is on this machine */
        for (size_t k = 0; k < files->topo.cells[i].country_count; k++)
            files->topo.cells[i].client_rtt_us[k] = 0;
    if (sim_simulate(&d->predicted, files, a, &d->err) != 0)
        return -1;
    return d->predicted.stopped ? error_set(&d->err, ERR_SYSTEM, "stopped") : 0;
}

/* ---- printing ---- */

static void put_share(struct table *t, double ok, double all)
{
    table_put(t, "%s", all > 0 && ok >= all ? "all" : table_nines(all > 0 ? ok / all : 0));
}

static void put_ms(struct table *t, double ms)
{
    if (isnan(ms))
        table_put(t, "-");
    else
        table_put(t, "%.1f ms", ms);
}

static void print_countries(const struct demo *d)
{
    struct table t;
    table_titles(&t, "   <COUNTRY|ANSWERED: SIMULATED|LIVE|LOST: SIM.|LIVE|P50: SIM.|LIVE|"
                     "P99: SIM.|LIVE|PAUSE: LIVE");
    for (size_t i = 0; i < COUNTRIES; i++) {
        const struct load_tally *live = &d->live.group[i];
        char name[3] = {(char)(d->country[i][0] & ~0x20), (char)(d->country[i][1] & ~0x20)};
        const struct run_country *sim = NULL;
        for (size_t k = 0; k < d->predicted.country_count; k++)
            if (strcmp(d->predicted.countries[k].name, name) == 0)
                sim = &d->predicted.countries[k];
        if (sim == NULL)
            continue;
        double lost = (double)(sim->shed + sim->failed) / (double)d->predicted.replications;
        table_put(&t, "   %s", name);
        put_share(&t, (double)sim->ok, (double)sim->requests);
        put_share(&t, (double)live->outcome[LOAD_OK], (double)live->planned);
        table_put(&t, lost == 0 ? "0" : "%.1f", lost);
        table_put(&t, "%s", table_count((long long)load_failed(live)));
        put_ms(&t, sim->p50_ms.mean);
        put_ms(&t, hist_quantile_us(&live->latency, 0.5) / 1000);
        put_ms(&t, sim->p99_ms.mean);
        put_ms(&t, hist_quantile_us(&live->latency, 0.99) / 1000);
        put_ms(&t, (double)live->pause_us / 1000);
    }
    table_print(&t, stdout);
}

static void print_live(const struct demo *d, size_t processes)
{
    char failures[200];
    printf("4. The same three countries live: %zu processes  (bulkhead up, load, fault, down)\n\n",
           processes);
    printf(
        "   up and healthy in %.2f s; %s vendors, customers and products put there in %.1f s;\n"
        "   then %s requests in %.1f s, %s of them orders as they were; half-way zone a of DE is\n"
        "   killed with kill -9 for %d s. The simulator is given the same topology and faults.\n\n",
        (double)d->scratch.up_us / 1e6, table_count((long long)d->filled.all.planned),
        (double)d->filled.wall_us / 1e6, table_count((long long)d->live.all.planned),
        (double)d->live.wall_us / 1e6, table_count((long long)d->shop.order_count), FAULT_S);
    print_countries(d);
    if (load_failed(&d->live.all) > 0)
        printf("   failed: %s\n", load_report_failures(&d->live.all, failures, sizeof failures));
    load_report_reasons(stdout, "   ", &d->mix.failures);
    if (d->live.late_us_max > 50000)
        printf("   (this machine is busy: requests left up to %lld ms late)\n",
               (long long)d->live.late_us_max / 1000);
}

static void print_check(const struct demo *d)
{
    const struct orders_check *c = &d->check;
    printf("\n   %s orders acknowledged; of these %zu missing, %zu twice, %zu other than sent;\n",
           table_count((long long)c->acknowledged), c->missing, c->twice, c->strange + c->others);
    printf("   stock agrees with the orders for %s of %s items.\n",
           table_count((long long)(d->shop.product_count * COUNTRIES - c->stock_wrong)),
           table_count((long long)(d->shop.product_count * COUNTRIES)));
}

/* ---- all of it ---- */

static int live(struct demo *d, size_t *processes)
{
    tell("starting three cells");
    if (scratch_begin(&d->scratch, &d->files.topo, &d->arena, &d->err) != 0 ||
        scratch_up(&d->scratch, &d->err) != 0)
        return -1;
    *processes = scratch_processes(&d->scratch);
    tell("filling them with products and customers");
    if (stop || fill(d) != 0)
        return stop ? error_set(&d->err, ERR_SYSTEM, "stopped") : -1;
    tell("replaying orders, and killing a zone");
    if (replay(d) != 0)
        return -1;
    tell("counting the orders");
    if (orders_check(&d->check, &d->shop, d->acknowledged, d->country, COUNTRIES,
                     d->scratch.layout.port, &stop, &d->arena, &d->err) != 0)
        return -1;
    return scratch_down(&d->scratch, &d->err);
}

static int conclude(struct demo *d, size_t processes)
{
    bool as_told = load_failed(&d->live.all) == 0 && d->mix.wrong_ids == 0 &&
                   d->check.acknowledged == d->shop.order_count && d->check.others == 0 &&
                   d->check.stock_wrong == 0 && orders_check_ok(&d->check);
    print_live(d, processes);
    print_check(d);
    printf("   All is down again, no process is left; %.1f s in all.\n\n   %s\n",
           (double)(clock_us() - d->began_us) / 1e6,
           as_told ? "A zone was killed, and nobody noticed: every order is there exactly once."
                   : "NOT AS EXPECTED: no request should fail, and each order be there once.");
    return as_told ? EXIT_YES : EXIT_NO;
}

int demo_live(const char *folder)
{
    struct sigaction action = {.sa_handler = on_signal}, before_int, before_term;
    static struct demo d; /* it holds the body of an order */
    struct error end;
    size_t processes = 0;
    d = (struct demo){.folder = folder, .began_us = clock_us()};
    stop = 0;
    sigaction(SIGINT, &action, &before_int); /* a second Ctrl-C must not leave processes behind */
    sigaction(SIGTERM, &action, &before_term);
    int status = read_shop(&d) != 0 || make_topology(&d) != 0 ? -1 : live(&d, &processes);
    tell("");
    if (status == 0)
        status = predict(&d); /* all is down by then: this takes signals for itself */
    int ended = scratch_end(&d.scratch, &end);
    sigaction(SIGINT, &before_int, NULL);
    sigaction(SIGTERM, &before_term, NULL);
    if (status != 0)
        status = cli_fail(d.err.text);
    else
        status = conclude(&d, processes);
    if (ended != 0)
        status = cli_fail(end.text);
    arena_release(&d.arena);
    return status;
}
