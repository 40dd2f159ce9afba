#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/commands.h"
#include "commands/doors_print.h"
#include "commands/latency.h"
#include "commands/state.h"
#include "commands/status_fetch.h"
#include "commands/table.h"
#include "control/dash/say.h"
#include "control/status.h"

struct status_options {
    const char *dir;
    bool json, latency;
};

static const struct cli_option options[] = {
    {"state", CLI_STR, offsetof(struct status_options, dir), "DIR", 0, 0,
     "The state folder of the system (" STATE_DIR_DEFAULT ")"},
    {"json", CLI_FLAG, offsetof(struct status_options, json), NULL, 0, 0,
     "Print all that is known as JSON (docs/status.schema.json)"},
    {"latency", CLI_FLAG, offsetof(struct status_options, latency), NULL, 0, 0,
     "Measure the round trips between zones, and print them beside those wanted"},
    {.type = CLI_END},
};

/* Texts come out of files and other processes: a terminal must not obey them. */
static const char *visible(const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (; *text != '\0' && used + 1 < size; text++)
        out[used++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
    out[used] = '\0';
    return out;
}

static void put_text(struct table *t, const char *text)
{
    char shown[TABLE_CELL_MAX];
    table_put(t, "%s", visible(text == NULL ? "" : text, shown, sizeof shown));
}

/* Health, servers, traffic: the same columns for cells and zones. */
static void put_numbers(struct table *t, int health, int64_t since_ms, int64_t up, int64_t wanted,
                        double rps, double errors, double p99_ms)
{
    table_put(t, "%s", status_health_words[health]);
    table_put(t, "%s", say_since(since_ms).text);
    table_put(t, "%s/%s", say_count(up).text, say_count(wanted).text);
    table_put(t, "%s", say_rate(rps).text);
    table_put(t, "%s", say_percent(errors, rps).text);
    table_put(t, "%s", say_p99(p99_ms, rps).text);
}

static void put_cell(struct table *t, const struct status_cell *cell)
{
    int64_t up = 0, wanted = 0;
    for (size_t i = 0; i < cell->zone_count; i++) {
        up = say_sum(up, cell->zones[i].up);
        wanted = say_sum(wanted, cell->zones[i].wanted);
    }
    put_text(t, cell->name);
    table_put(t, "%s", "");
    put_numbers(t, cell->health, cell->since_ms, up, wanted, cell->rps, cell->errors, cell->p99_ms);
    table_put(t, "%s", say_count(cell->lost).text);
    put_text(t, cell->why);
    for (size_t i = 0; i < cell->zone_count; i++) {
        const struct status_zone *zone = &cell->zones[i];
        table_put(t, "%s", "");
        put_text(t, zone->name);
        put_numbers(t, zone->health, zone->since_ms, zone->up, zone->wanted, zone->rps,
                    zone->errors, zone->p99_ms);
        table_put(t, "%s", "");
        put_text(t, zone->why);
    }
}

static void print_faults(FILE *out, const struct status *s)
{
    char kind[64], scope[64];
    for (size_t i = 0; i < s->fault_count; i++) {
        const struct status_fault *f = &s->faults[i];
        fprintf(out, "fault %s: %s at %s, ", say_count(f->id).text,
                visible(f->kind, kind, sizeof kind), visible(f->scope, scope, sizeof scope));
        if (f->ends_in_ms >= 0)
            fprintf(out, "ends by itself in %s\n", say_since(f->ends_in_ms).text);
        else
            fprintf(out, "until it is healed\n");
    }
}

/* "gossip of de: b/agent is dead for 4s, say 2 (a/agent had no answer, nor had c/order)" */
static void print_gossip(FILE *out, const struct status_cell *cell)
{
    char name[64], who[128], by[128], also[128];
    const struct status_gossip *g = &cell->gossip;
    visible(cell->name, name, sizeof name);
    for (size_t i = 0; i < g->troubled_count; i++) {
        const struct status_member *m = &g->troubled[i];
        fprintf(out, "gossip of %s: %s is %s for %s, say %s", name,
                visible(m->name, who, sizeof who), status_member_words[m->state],
                say_since(m->ago_ms).text, say_count(m->views).text);
        if (m->by[0] != '\0')
            fprintf(out, " (%s had no answer%s%s)", visible(m->by, by, sizeof by),
                    m->also[0] == '\0' ? "" : ", nor had ", visible(m->also, also, sizeof also));
        fprintf(out, "\n");
    }
    if (g->refused > 0)
        fprintf(out, "gossip of %s: %s messages refused\n", name, say_count(g->refused).text);
}

static void print_people(FILE *out, const struct status *s)
{
    char name[200];
    struct table t;
    fprintf(out, "%s: %s; control up %s; %s of %s requests lost\n\n",
            visible(s->topology, name, sizeof name), s->healthy ? "healthy" : "NOT HEALTHY",
            say_since(s->uptime_ms).text, say_count(s->lost).text, say_count(s->requests).text);
    table_titles(&t, "<CELL|<ZONE|<HEALTH|SINCE|SERVERS|REQ/S|ERR%|P99|LOST|<WHY");
    for (size_t i = 0; i < s->cell_count; i++)
        put_cell(&t, &s->cells[i]);
    table_print(&t, out);
    fprintf(out, "\n");
    doors_print(out, s);
    print_faults(out, s);
    for (size_t i = 0; i < s->cell_count; i++)
        print_gossip(out, &s->cells[i]);
}

static int status_main(int argc, char **argv)
{
    struct status_options o = {.dir = STATE_DIR_DEFAULT};
    int args;
    int status = cli_parse(&status_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    if (o.latency)
        return latency_print(o.dir, o.json);
    struct arena a = {0};
    struct error err;
    struct status s;
    if (status_fetch(o.dir, &s, &a, &err) != 0) {
        arena_release(&a);
        return cli_fail(err.text);
    }
    const char *text = o.json ? json_encode(&s, status_fields, &a) : "";
    if (text == NULL) {
        arena_release(&a);
        return cli_fail("no memory left");
    }
    if (o.json)
        fputs(text, stdout);
    else
        print_people(stdout, &s);
    arena_release(&a);
    return s.healthy ? EXIT_YES : EXIT_NO;
}

const struct cli_command status_command = {
    "status",
    status_main,
    "",
    0,
    0,
    "Say how a running system is",
    "Rates, errors and percentiles are over the last ten seconds; - is no "
    "traffic, ? not known,\n"
    "~ a percentile of fewer than 100 requests. Exit status 1 when a cell is "
    "not healthy.",
    options,
};
