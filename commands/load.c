#include "commands/commands.h"

#include <ctype.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "commands/fill.h"
#include "commands/load_report.h"
#include "commands/mix.h"
#include "commands/orders_check.h"
#include "commands/state.h"
#include "commands/table.h"
#include "control/live/smart.h"

enum { RATE_PRESET = 100, COUNTRIES_MAX = FILL_COUNTRIES_MAX };

struct load_options {
    bool json, fill, even, check, smart, any_door;
    int64_t rate, orders, seed, port, speed, retries, in_flight;
    const char *how_long, *timeout, *dir, *replay, *data;
};

static const struct cli_option options[] = {
    {"rate", CLI_I64, offsetof(struct load_options, rate), "R", 1, 1000000,
     "Requests per second, all countries together (default 100)"},
    {"for", CLI_STR, offsetof(struct load_options, how_long), "T", 0, 0,
     "How long, as 30s (default 10s; a replay: to its end)"},
    {"orders", CLI_I64, offsetof(struct load_options, orders), "PERCENT", 0, 100,
     "Share of orders (default 15; a replay: 100), the rest are reads"},
    {"even", CLI_FLAG, offsetof(struct load_options, even), NULL, 0, 0,
     "Even gaps between requests instead of random ones"},
    {"fill", CLI_FLAG, offsetof(struct load_options, fill), NULL, 0, 0,
     "Put the example shop's products and customers there; twice does no harm"},
    {"replay", CLI_STR, offsetof(struct load_options, replay), "FILE", 0, 0,
     "Real orders, as sim-configs/data/orders.csv; twice makes each once"},
    {"speed", CLI_I64, offsetof(struct load_options, speed), "X", 1, 1000000000,
     "Replay in the orders' own rhythm, X times as fast (instead of --rate)"},
    {"check", CLI_FLAG, offsetof(struct load_options, check), NULL, 0, 0,
     "After a replay: read all orders back; each that was acknowledged is to be there once"},
    {"smart", CLI_FLAG, offsetof(struct load_options, smart), NULL, 0, 0,
     "Be smart clients: hold the partition map and go straight to a replica"},
    {"any-door", CLI_FLAG, offsetof(struct load_options, any_door), NULL, 0, 0,
     "Go on at another door when one does not answer"},
    {"retries", CLI_I64, offsetof(struct load_options, retries), "N", 0, 100,
     "Repeat a request that got no answer, or 5xx (default 0: the door is measured)"},
    {"in-flight", CLI_I64, offsetof(struct load_options, in_flight), "N", 1, LOAD_IN_FLIGHT_MAX,
     "Most under way at once; what is over that counts as not sent (default 512)"},
    {"timeout", CLI_STR, offsetof(struct load_options, timeout), "T", 0, 0,
     "Patience with one request (default 5s)"},
    {"seed", CLI_I64, offsetof(struct load_options, seed), "N", 0, 9007199254740991,
     "Of arrivals and of what is asked (default 1)"},
    {"state", CLI_STR, offsetof(struct load_options, dir), "DIR", 0, 0,
     "The running system (default " STATE_DIR_DEFAULT ")"},
    {"port", CLI_I64, offsetof(struct load_options, port), "N", 1, 65535,
     "The door's port, instead of --state"},
    {"data", CLI_STR, offsetof(struct load_options, data), "DIR", 0, 0,
     "Where products.csv and customers.csv are (default sim-configs/data)"},
    {"json", CLI_FLAG, offsetof(struct load_options, json), NULL, 0, 0,
     "Print the result as JSON (docs/load.schema.json)"},
    {.type = CLI_END},
};

struct job {
    struct load_options o;
    int64_t for_us, timeout_us;
    char country[COUNTRIES_MAX][3];
    size_t country_count;
    struct arena arena;
    struct error err;
    struct shop shop;
    struct fill fill;
    struct mix mix;
    struct state state; /* unless a port was given */
    struct lease_file leases;
    struct load_stream stream;
    struct load_result result;
    struct load_facts facts;
    struct orders_check orders;
    struct smart smart;
    struct load_carrier carrier;
};

static volatile sig_atomic_t stop;

static void on_interrupt(int signal)
{
    (void)signal;
    stop = 1;
}

/* ---- options ---- */

static int take_duration(int64_t *out, const char *option, const char *text)
{
    struct error err;
    if (duration_parse(out, text, &err) != 0)
        error_prefix(&err, "--%s", option);
    else if (*out < 1000)
        error_set(&err, ERR_RANGE, "--%s: expected 1ms or more, got %s", option, text);
    else
        return -1;
    return cli_misuse(&load_command, "%s", err.text);
}

static int take_countries(struct job *j, int args, char **argv)
{
    for (int i = 1; i <= args; i++) {
        const char *name = argv[i];
        if (strlen(name) != 2 || !isalpha((unsigned char)name[0]) ||
            !isalpha((unsigned char)name[1]))
            return cli_misuse(&load_command, "expected a country of two letters, got \"%s\"", name);
        char *country = j->country[j->country_count];
        country[0] = (char)(name[0] | 0x20);
        country[1] = (char)(name[1] | 0x20);
        for (size_t k = 0; k < j->country_count; k++)
            if (strcmp(j->country[k], country) == 0)
                return cli_misuse(&load_command, "%s is named twice", name);
        j->country_count++;
    }
    return -1;
}

static int take_options(struct job *j)
{
    const struct load_options *o = &j->o;
    int status = take_duration(&j->timeout_us, "timeout", o->timeout == NULL ? "5s" : o->timeout);
    j->for_us = o->replay == NULL ? 10000000 : INT64_MAX;
    if (status < 0 && o->how_long != NULL)
        status = take_duration(&j->for_us, "for", o->how_long);
    if (status >= 0)
        return status;
    if (o->fill && (o->replay != NULL || o->rate > 0 || o->how_long != NULL))
        return cli_misuse(&load_command, "%s", "--fill is a job of its own: call it first");
    if (o->fill && (o->smart || o->any_door))
        return cli_misuse(&load_command, "%s", "--fill goes through one door");
    if (o->smart && o->any_door)
        return cli_misuse(&load_command, "%s", "--smart goes to any door by itself");
    if (o->check && o->replay == NULL)
        return cli_misuse(&load_command, "%s", "--check is for --replay");
    if (o->speed > 0 && o->replay == NULL)
        return cli_misuse(&load_command, "%s", "--speed is for --replay");
    if (o->speed > 0 && (o->rate > 0 || o->orders >= 0))
        return cli_misuse(&load_command, "%s",
                          "--speed sets the pace, and all are orders: no --rate, no --orders");
    return -1;
}

static int find_port(struct job *j)
{
    j->smart.direct = j->o.smart;
    if (j->o.port > 0) {
        smart_at(&j->smart, (int)j->o.port);
        return 0;
    }
    if (state_open(&j->state, j->o.dir, &j->arena, &j->err) != 0)
        return -1;
    j->o.port = j->state.layout.port;
    smart_of(&j->smart, &j->state.layout);
    return 0;
}

/* Faults of those who ask are ours to carry out. */
static int feel_faults(struct job *j)
{
    const struct topo *topo = &j->state.topo;
    if (topo->countries == NULL)
        return 0;
    const char *path = layout_file(&j->state.layout, "faults.json", &j->arena);
    if (path == NULL)
        return error_memory(&j->err);
    lease_file_init(&j->leases, path, topo);
    j->mix.leases = &j->leases;
    j->mix.rate = j->facts.rate;
    for (size_t i = 0; i < j->country_count; i++) {
        const char name[3] = {(char)(j->country[i][0] & ~0x20), (char)(j->country[i][1] & ~0x20)};
        j->mix.place[i] = topo_country_at(topo, name);
    }
    return 0;
}

/* ---- the job ---- */

static int plan_fill(struct job *j)
{
    const char *dir = shop_folder(j->o.data, &j->arena, &j->err);
    if (dir == NULL || shop_read_goods(&j->shop, dir, &j->arena, &j->err) != 0)
        return -1;
    fill_plan(&j->fill, &j->stream, &j->shop, j->country, j->country_count, (int)j->o.port);
    j->facts.what = "fill";
    return 0;
}

static int plan_load(struct job *j)
{
    const struct load_options *o = &j->o;
    bool replay = o->replay != NULL;
    if ((replay && shop_read_orders(&j->shop, o->replay, &j->arena, &j->err) != 0) ||
        mix_init(&j->mix, j->country, j->country_count, (int)o->port, (uint64_t)o->seed, &stop,
                 &j->arena, &j->err) != 0)
        return -1;
    int64_t percent = o->orders >= 0 ? o->orders : replay ? 100 : 15;
    mix_share(&j->mix, (double)percent / 100);
    if (replay) {
        j->mix.replay = &j->shop;
        j->mix.acknowledged =
            arena_alloc(&j->arena, j->shop.order_count, sizeof j->mix.acknowledged[0]);
        if (j->mix.acknowledged == NULL)
            return error_memory(&j->err);
    }
    j->mix.speed = o->speed > 0 ? o->speed : 1;
    j->facts.what = replay ? "replay" : "load";
    j->facts.failures = &j->mix.failures;
    j->facts.rate = o->speed > 0 ? (double)NAN : (double)(o->rate > 0 ? o->rate : RATE_PRESET);
    if (feel_faults(j) != 0)
        return -1;
    j->stream = (struct load_stream){
        .port = (int)o->port,
        .pace = o->speed > 0 ? LOAD_AS_TOLD
                : o->even    ? LOAD_EVEN
                             : LOAD_RANDOM,
        .rate = j->facts.rate,
        .seed = (uint64_t)o->seed,
        .for_us = j->for_us,
        .in_flight_max = (uint32_t)o->in_flight,
        .timeout_us = j->timeout_us,
        .retries = (uint32_t)o->retries,
        .groups = j->country_count,
        .pace_factor = mix_pace,
        .next = mix_next,
        .done = mix_done,
        .context = &j->mix,
    };
    if (o->smart || o->any_door) {
        j->smart.links_max = (uint32_t)o->in_flight;
        j->carrier = smart_carrier(&j->smart);
        j->stream.carrier = &j->carrier;
        j->facts.smart = &j->smart.counts;
    }
    return 0;
}

static void show_progress(void *context, const struct load_result *result)
{
    const struct job *j = context;
    uint64_t failed = load_failed(&result->all);
    fprintf(stderr, "\r%s: %s requests, %s under way, %s failed ", j->facts.what,
            table_count((long long)result->all.planned), table_count(result->in_flight),
            table_count((long long)failed));
}

static int run(struct job *j)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, before;
    bool terminal = isatty(STDERR_FILENO);
    const struct load_opts opts = {
        .stop = &stop, .progress = terminal ? show_progress : NULL, .context = j};
    stop = 0;
    sigaction(SIGINT, &action, &before); /* a second Ctrl-C ends it at once */
    int status = j->o.fill ? plan_fill(j) : plan_load(j);
    if (status == 0)
        status = load_run(&j->result, &j->stream, 1, &opts, &j->arena, &j->err);
    if (status == 0 && j->o.check && !stop)
        status = orders_check(&j->orders, &j->shop, j->mix.acknowledged, j->country,
                              j->country_count, (int)j->o.port, &stop, &j->arena, &j->err);
    sigaction(SIGINT, &before, NULL);
    if (terminal)
        fprintf(stderr, "\r%*s\r", 78, "");
    return status;
}

static int report(struct job *j)
{
    j->facts.port = (int)j->o.port;
    j->facts.seed = j->o.seed;
    j->facts.country = j->country;
    j->facts.country_count = j->country_count;
    j->facts.stopped = stop != 0;
    if (!j->o.json) {
        load_report_print(stdout, &j->facts, &j->result);
    } else {
        const char *text = load_report_json(&j->facts, &j->result, &j->arena);
        if (text == NULL)
            return cli_fail("no memory left");
        fputs(text, stdout);
    }
    const struct orders_check *c = &j->orders;
    if (j->o.check && !stop)
        fprintf(stderr, "%s orders acknowledged: %zu missing, %zu twice, %zu changed\n",
                table_count((long long)c->acknowledged), c->missing, c->twice,
                c->strange + j->mix.wrong_ids);
    bool good = load_failed(&j->result.all) == 0 && !stop && orders_check_ok(c);
    return good && j->mix.wrong_ids == 0 ? EXIT_YES : EXIT_NO;
}

static int load_main(int argc, char **argv)
{
    static struct job j; /* it holds the body of an order */
    int args;
    j.o =
        (struct load_options){.orders = -1, .seed = 1, .in_flight = 512, .dir = STATE_DIR_DEFAULT};
    j.facts.rate = (double)NAN;
    int status = cli_parse(&load_command, argc, argv, &j.o, &args);
    if (status < 0)
        status = take_countries(&j, args, argv);
    if (status < 0)
        status = take_options(&j);
    if (status >= 0)
        return status;
    status = find_port(&j) != 0 || run(&j) != 0 ? cli_fail(j.err.text) : report(&j);
    arena_release(&j.arena);
    return status;
}

const struct cli_command load_command = {
    "load",
    load_main,
    "COUNTRY...",
    1,
    COUNTRIES_MAX,
    "Send requests to a live system, and measure",
    "Open loop: requests leave at their planned times whatever the answers do, and latencies\n"
    "count from those, so that a stall is seen by everybody who would have come during it.\n"
    "PAUSE is the longest time in which somebody waited and nobody was answered well.\n"
    "Exit status 1 when a request failed.",
    options,
};
