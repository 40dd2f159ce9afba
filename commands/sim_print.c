#include <math.h>

#include "base/duration.h"
#include "commands/commands.h"
#include "commands/table.h"
#include "simulator/run.h"

static void put_measure(struct table *t, const struct run_measure *m, const char *unit)
{
    if (isnan(m->mean))
        table_put(t, "-");
    else
        table_put(t, m->mean < 10 ? "%.1f %s" : "%.0f %s", m->mean, unit);
}

static void print_countries(FILE *out, const struct run_result *result)
{
    struct table t;
    table_titles(&t, "<COUNTRY|REQUESTS|ANSWERED|<95 % INTERVAL|SHED|FAILED|RETRIES|P50|P99|P99.9|"
                     "MAX");
    for (size_t i = 0; i < result->country_count; i++) {
        const struct run_country *c = &result->countries[i];
        table_put(&t, "%s", c->name);
        table_put(&t, "%s", table_count(c->requests));
        const char *answered = c->ok == c->requests ? "all" : table_nines(c->availability.mean);
        table_put(&t, "%s", c->requests == 0 ? "-" : answered);
        if (isnan(c->availability.ci95[0]))
            table_put(&t, "-");
        else
            table_put(&t, "%s .. %s", table_nines(c->availability.ci95[0]),
                      table_nines(c->availability.ci95[1]));
        table_put(&t, "%s", table_count(c->shed));
        table_put(&t, "%s", table_count(c->failed));
        table_put(&t, "%s", table_count(c->retries));
        put_measure(&t, &c->p50_ms, "ms");
        put_measure(&t, &c->p99_ms, "ms");
        put_measure(&t, &c->p999_ms, "ms");
        const struct run_measure max = {.mean = c->max_ms};
        put_measure(&t, &max, "ms");
    }
    table_print(&t, out);
}

/* Nothing where there is no background work. */
static void print_background(FILE *out, const struct run_result *result)
{
    struct table t;
    int64_t requests = 0;
    table_titles(&t, "<BACKGROUND|REQUESTS|ANSWERED|SHED|FAILED|MEAN|P50|P99|P99.9");
    for (size_t i = 0; i < result->country_count; i++) {
        const struct run_background *b = &result->countries[i].background;
        requests += b->requests;
        table_put(&t, "%s", result->countries[i].name);
        table_put(&t, "%s", table_count(b->requests));
        table_put(&t, "%s", table_count(b->ok));
        table_put(&t, "%s", table_count(b->shed));
        table_put(&t, "%s", table_count(b->failed));
        put_measure(&t, &b->mean_ms, "ms");
        put_measure(&t, &b->p50_ms, "ms");
        put_measure(&t, &b->p99_ms, "ms");
        put_measure(&t, &b->p999_ms, "ms");
    }
    if (requests > 0) {
        table_print(&t, out);
        fprintf(out, "\n");
    }
    table_release(&t);
}

/* The mean of a single run, whose interval is not over replications. */
static void print_batches(FILE *out, const struct run_result *result)
{
    for (size_t i = 0; i < result->country_count; i++) {
        const struct run_country *c = &result->countries[i];
        const struct run_measure *m = &c->mean_ms;
        if (m->interval == INTERVAL_BATCHES)
            fprintf(out, "mean latency of %s: %.2f ms, 95 %% interval %.2f .. %.2f (batch means)\n",
                    c->name, m->mean, m->ci95[0], m->ci95[1]);
        else if (m->interval == INTERVAL_TOO_SHORT && !isnan(m->mean))
            fprintf(out, "mean latency of %s: %.2f ms; the run is too short for an interval\n",
                    c->name, m->mean);
    }
}

static void print_services(FILE *out, const struct run_result *result)
{
    struct table t;
    table_titles(&t, "<CELL|<SERVICE|SERVERS|HOURS|BUSY|WAITING|AT MOST|TRIES SHED");
    for (size_t i = 0; i < result->cell_count; i++)
        for (size_t k = 0; k < result->cells[i].service_count; k++) {
            const struct run_service *s = &result->cells[i].services[k];
            table_put(&t, "%s", k == 0 ? result->cells[i].name : "");
            table_put(&t, "%s", s->name);
            table_put(&t, "%s", table_count(s->servers));
            table_put(&t, s->server_hours.mean < 10 ? "%.1f" : "%.0f", s->server_hours.mean);
            table_put(&t, "%s", table_percent(s->busy.mean, 0));
            table_put(&t, s->waiting.mean < 10 ? "%.2f" : "%.0f", s->waiting.mean);
            table_put(&t, "%s", table_count(s->waiting_max));
            table_put(&t, "%s", table_count(s->tries_shed));
        }
    table_print(&t, out);
}

/* Nothing where no call has one. */
static void print_caches(FILE *out, const struct run_result *result)
{
    struct table t;
    table_titles(&t, "<CELL|<CACHE OF|<FOR|LOOKS|FOUND|BY THEORY|STALE");
    for (size_t i = 0; i < result->cache_count; i++) {
        const struct run_cache *c = &result->caches[i];
        table_put(&t, "%s", c->cell);
        table_put(&t, "%s", c->service);
        table_put(&t, "%s", c->to);
        table_put(&t, "%s", table_count(c->looks));
        table_put(&t, "%s", c->looks == 0 ? "-" : table_percent(c->hit_ratio.mean, 1));
        table_put(&t, "%s", isnan(c->expected) ? "-" : table_percent(c->expected, 1));
        table_put(&t, "%s", table_count(c->stale));
    }
    if (result->cache_count > 0) {
        fprintf(out, "\n");
        table_print(&t, out);
    }
    table_release(&t);
}

/* Nothing where no service is one. */
static void print_functions(FILE *out, const struct run_result *result)
{
    struct table t;
    table_titles(&t, "<CELL|<FUNCTION|REQUESTS|STARTS|AT MOST|HOURS|COLD|TAKES|WARM TAKES");
    for (size_t i = 0; i < result->function_count; i++) {
        const struct run_function *f = &result->functions[i];
        table_put(&t, "%s", f->cell);
        table_put(&t, "%s", f->service);
        table_put(&t, "%s", table_count(f->requests));
        table_put(&t, "%s", table_count(f->starts));
        table_put(&t, "%s", table_count(f->instances_max));
        table_put(&t, "%.2f", f->instance_hours.mean);
        table_put(&t, "%s", f->requests == 0 ? "-" : table_percent(f->cold_share.mean, 2));
        put_measure(&t, &f->cold_ms, "ms");
        put_measure(&t, &f->warm_ms, "ms");
    }
    if (result->function_count > 0) {
        fprintf(out, "\n");
        table_print(&t, out);
    }
    table_release(&t);
}

/* An order's way in every cell, and stage by stage. Nothing where none is placed. */
static void print_orders(FILE *out, const struct run_result *result)
{
    struct table t;
    table_titles(&t, "<CELL|ORDERS|COMPLETE|CANCELLED|DEAD|OPEN|LOST|MEAN|P50|P99|LEASES OVER|"
                     "<BOTTLENECK");
    for (size_t i = 0; i < result->pipeline_count; i++) {
        const struct run_pipeline *p = &result->pipelines[i];
        table_put(&t, "%s", p->cell);
        table_put(&t, "%s", table_count(p->placed));
        table_put(&t, "%s", table_count(p->complete + p->filtered));
        table_put(&t, "%s", table_count(p->cancelled));
        table_put(&t, "%s", table_count(p->dead));
        table_put(&t, "%s", table_count(p->open));
        table_put(&t, "%s", table_count(p->lost + p->doubled + p->torn));
        put_measure(&t, &p->mean_ms, "ms");
        put_measure(&t, &p->p50_ms, "ms");
        put_measure(&t, &p->p99_ms, "ms");
        table_put(&t, "%s", table_count(p->leases_over));
        table_put(&t, "%s", p->bottleneck);
    }
    if (result->pipeline_count > 0) {
        fprintf(out, "\n");
        table_print(&t, out);
    }
    table_release(&t);
}

static void print_stages(FILE *out, const struct run_result *result)
{
    struct table t;
    table_titles(&t, "<CELL|<STAGE|WORKERS|DONE|UNDONE|BUSY|WAITING|AT MOST|AT THE END|OLDEST");
    for (size_t i = 0; i < result->pipeline_count; i++)
        for (size_t k = 0; k < result->pipelines[i].stage_count; k++) {
            const struct run_stage *s = &result->pipelines[i].stages[k];
            table_put(&t, "%s", k == 0 ? result->pipelines[i].cell : "");
            table_put(&t, "%s", s->name);
            table_put(&t, "%s", table_count(s->workers));
            table_put(&t, "%s", table_count(s->done));
            table_put(&t, "%s", table_count(s->undone));
            table_put(&t, "%s", table_percent(s->busy.mean, 0));
            table_put(&t, s->waiting.mean < 10 ? "%.2f" : "%.0f", s->waiting.mean);
            table_put(&t, "%s", table_count(s->waiting_max));
            table_put(&t, "%s", table_count(s->waiting_end));
            table_put(&t, "%.1f s", s->oldest_s);
        }
    if (result->pipeline_count > 0) {
        fprintf(out, "\n");
        table_print(&t, out);
    }
    table_release(&t);
}

static void put_seconds(struct table *t, const struct run_measure *m)
{
    if (isnan(m->mean))
        table_put(t, "-");
    else
        table_put(t, "%.1f s", m->mean);
}

/* Who felt it, and for how long. Nothing where there was no fault. */
static void print_course(FILE *out, const struct run_result *result)
{
    struct table t;
    bool faults = false;
    size_t felt = 0;
    table_titles(&t, "<FELT BY|HURT FOR|MITIGATED IN|RECOVERED IN|RECOVERED|CUSTOMERS HURT");
    for (size_t i = 0; i < result->country_count; i++) {
        const struct run_country *c = &result->countries[i];
        faults = faults || !isnan(c->hurt_s.mean);
        if (!(c->hurt_s.mean > 0))
            continue;
        felt++;
        table_put(&t, "%s", c->name);
        put_seconds(&t, &c->hurt_s);
        put_seconds(&t, &c->mitigate_s);
        put_seconds(&t, &c->recover_s);
        table_put(&t, "%s", isnan(c->recovered.mean) ? "-" : table_percent(c->recovered.mean, 0));
        table_put(&t, "%s",
                  c->customers_hurt.mean > 0 ? table_percent(c->customers_hurt.mean, 1) : "-");
    }
    if (felt > 0)
        table_print(&t, out);
    if (faults) {
        if (felt == 0)
            fprintf(out, "no country felt it: never was more than 1 %% lost at a time\n");
        if (!isnan(result->detect_s.mean))
            fprintf(out, "a server was first left out after %.2f s\n", result->detect_s.mean);
        if (result->shifts > 0)
            fprintf(out, "%s zones were taken out by the control plane, in all replications\n",
                    table_count(result->shifts));
        if (result->retired > 0)
            fprintf(out, "%s servers that ailed were replaced by it, in all replications\n",
                    table_count(result->retired));
        fprintf(out, "\n");
    }
    table_release(&t);
}

static void print_faults(FILE *out, const struct scenario *s)
{
    for (size_t i = 0; i < s->fault_count; i++) {
        const struct scenario_fault *f = &s->faults[i];
        char at[DURATION_TEXT_MAX], how_long[DURATION_TEXT_MAX], every[DURATION_TEXT_MAX];
        duration_format(at, f->at_us);
        duration_format(how_long, f->for_us);
        duration_format(every, f->every_us);
        fprintf(out, "fault: %s %s ", scenario_fault_words[f->kind], f->scope);
        if (f->every_us > 0)
            fprintf(out, "from %s on, at random: %s after it last ended, for %s, on average\n", at,
                    every, how_long);
        else if (f->for_us > 0)
            fprintf(out, "at %s for %s\n", at, how_long);
        else
            fprintf(out, "at %s to the end\n", at);
    }
}

static void print_warmup(FILE *out, const struct run_result *result)
{
    char warmup[DURATION_TEXT_MAX];
    duration_format(warmup, (int64_t)(result->warmup_s * 1e6 + 0.5));
    if (result->warmup == WARMUP_FOUND)
        fprintf(out, "warm-up: %s, as found\n", warmup);
    else if (result->warmup == WARMUP_NOT_SETTLED)
        fprintf(out, "warm-up: %s, not settled by then: run longer\n", warmup);
}

static void print_imprecise(FILE *out, const struct run_result *result)
{
    for (size_t i = 0; i < result->imprecise_count; i++) {
        const struct run_imprecise *p = &result->imprecise[i];
        if (isnan(p->relative))
            fprintf(out, "not precise: nothing was seen of %s of %s\n", p->measure, p->country);
        else
            fprintf(out, "not precise: %s of %s is known to +-%.3g %%, +-%.3g %% was asked\n",
                    p->measure, p->country, p->relative * 100, p->wanted * 100);
    }
}

static void print_reach(FILE *out, const struct run_result *result, int64_t countries,
                        double customers, double requests)
{
    fprintf(out, "%lld of %zu countries with %s of the customers", (long long)countries,
            result->country_count, table_percent(customers, 3));
    if (!isnan(requests))
        fprintf(out, "; %s of all requests lost", table_percent(requests, 4));
}

/* What the faults touched, and what counting says that they can. */
static void print_blast(FILE *out, const struct run_result *result, const struct scenario *scenario)
{
    const struct run_counted *c = &result->blast.counted;
    fprintf(out, "blast radius: ");
    if (result->blast.countries == 0)
        fprintf(out, "none, no request was lost");
    else
        print_reach(out, result, result->blast.countries, result->blast.customers,
                    result->blast.requests);
    if (scenario->fault_count == 0) {
        fprintf(out, "\n");
        return;
    }
    fprintf(out, "\n     counted: ");
    if (c->countries == 0)
        fprintf(out, "none, what is left can carry it all");
    else
        print_reach(out, result, c->countries, c->customers, c->requests);
    fprintf(out, "%s%s%s\n", c->words[0] != '\0' ? " (" : "", c->words,
            c->words[0] != '\0' ? ")" : "");
}

void sim_print_verdict(FILE *out, const struct run_verdict *v)
{
    fprintf(out, "%s  %s of %s is ", v->pass ? "pass" : "FAIL", v->measure,
            v->cell != NULL ? v->cell : v->country);
    if (isnan(v->value))
        fprintf(out, "not known, expected");
    else
        fprintf(out, "%.9g, expected", v->value);
    if (!isnan(v->low))
        fprintf(out, " at least %.6g", v->low);
    if (!isnan(v->high))
        fprintf(out, "%s at most %.6g", isnan(v->low) ? "" : " and", v->high);
    fprintf(out, "\n");
}

void sim_print(FILE *out, const char *name, const struct files *files,
               const struct run_result *result)
{
    char duration[DURATION_TEXT_MAX], start[TOPO_SLOT_TEXT];
    duration_format(duration, files->scenario.duration_us);
    topo_slot_format(start, files->scenario.start_slot, 0);
    fprintf(out, "%s: %lld replication%s of %s from %s UTC, seed %lld%s\n", name,
            (long long)result->replications, result->replications == 1 ? "" : "s", duration, start,
            (long long)result->seed, result->stopped ? " (stopped: what is known so far)" : "");
    print_faults(out, &files->scenario);
    print_warmup(out, result);
    fprintf(out, "\n");
    print_countries(out, result);
    print_batches(out, result);
    fprintf(out, "\n");
    print_background(out, result);
    print_course(out, result);
    print_services(out, result);
    print_functions(out, result);
    print_caches(out, result);
    print_orders(out, result);
    print_stages(out, result);
    fprintf(out, "\n");
    print_blast(out, result, &files->scenario);
    print_imprecise(out, result);
    for (size_t i = 0; i < result->verdict_count; i++)
        sim_print_verdict(out, &result->verdicts[i]);
    fprintf(out, "%s events in %.2f s (%.1f million/s), digest %s\n", table_count(result->events),
            result->wall_s, result->events_per_s / 1e6, result->digest);
}
