#include "commands/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "commands/files.h"
#include "commands/report_first.h"
#include "commands/report_sections.h"
#include "commands/table.h"
#include "simulator/run.h"

/* ---- the files that it is about ---- */

void report_command(char out[REPORT_COMMAND], int argc, char **argv)
{
    size_t used = (size_t)snprintf(out, REPORT_COMMAND, "bulkhead");
    for (int i = 0; i < argc && used < REPORT_COMMAND; i++) {
        bool plain = argv[i][0] != '\0' && strpbrk(argv[i], " \t\n'\"\\$&|;<>()*?#`!") == NULL;
        used +=
            (size_t)snprintf(out + used, REPORT_COMMAND - used, plain ? " %s" : " '%s'", argv[i]);
    }
}

struct report_info report_scenario(const char *command, const struct files_texts *texts,
                                   const char *about, struct arena *a)
{
    return (struct report_info){
        .command = command,
        .name = files_name(texts->path, a),
        .about = about,
        .scenario_path = texts->path,
        .scenario_text = texts->text,
        .scenario_len = texts->len,
        .topology_path = texts->topology_path,
        .topology_text = texts->topology_text,
        .topology_len = texts->topology_len,
    };
}

/* ---- the verdict ---- */

static const struct run_measure *measure_of(const struct run_country *c, const char *word)
{
    const struct {
        const char *word;
        const struct run_measure *measure;
    } all[] = {
        {"availability", &c->availability},
        {"shed", &c->shed_each},
        {"failed", &c->failed_each},
        {"mean_ms", &c->mean_ms},
        {"p50_ms", &c->p50_ms},
        {"p99_ms", &c->p99_ms},
        {"p999_ms", &c->p999_ms},
        {"hurt_s", &c->hurt_s},
        {"mitigate_s", &c->mitigate_s},
        {"recover_s", &c->recover_s},
        {"recovered", &c->recovered},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].word, word) == 0)
            return all[i].measure;
    return NULL;
}

static const struct run_country *country_at(const struct run_result *r, const char *name)
{
    for (size_t i = 0; i < r->country_count; i++)
        if (strcmp(r->countries[i].name, name) == 0)
            return &r->countries[i];
    return NULL;
}

static void limit_text(char out[80], const struct run_verdict *v)
{
    int used = 0;
    out[0] = '\0';
    if (!isnan(v->low))
        used = snprintf(out, 80, "at least %.6g", v->low);
    if (!isnan(v->high))
        snprintf(out + used, 80 - (size_t)used, "%sat most %.6g", used > 0 ? ", " : "", v->high);
}

/* Whose it is: a country's or a cell's. */
static const char *whose(const struct run_verdict *v)
{
    return v->country != NULL ? v->country : v->cell != NULL ? v->cell : "-";
}

/* How far a value is beyond its nearest limit, as a share of that; below 0: within. */
static double beyond(const struct run_verdict *v)
{
    double most = -INFINITY;
    if (isnan(v->value))
        return INFINITY;
    if (!isnan(v->low))
        most = fmax(most, (v->low - v->value) / fmax(fabs(v->low), 1e-9));
    if (!isnan(v->high))
        most = fmax(most, (v->value - v->high) / fmax(fabs(v->high), 1e-9));
    return most;
}

static void put_expectations(struct page *p, const struct run_result *r)
{
    if (r->verdict_count == 0)
        return;
    report_table_begin(p, "<Verdict|<Expectation|<Of|Value|95 % interval|<Limit");
    for (int pass = 0; pass < 2; pass++) /* what failed first */
        for (size_t i = 0; i < r->verdict_count; i++) {
            const struct run_verdict *v = &r->verdicts[i];
            const struct run_country *c = v->country == NULL ? NULL : country_at(r, v->country);
            const struct run_measure *m = c == NULL ? NULL : measure_of(c, v->measure);
            char limit[80], range[REPORT_RANGE] = "-";
            if (v->pass != (pass != 0))
                continue;
            limit_text(limit, v);
            if (m != NULL)
                report_range(range, m, 1, "%.6g");
            report_row(p);
            page_put(p, v->pass ? "<td class=\"l ok\">pass</td>"
                                : "<td class=\"l fail\">&#x2717; FAIL</td>");
            report_cell_text(p, v->measure);
            report_cell_text(p, whose(v));
            report_cell_number(p, v->value, isnan(v->value) ? "not known" : "%.7g", v->value);
            report_cell(p, "%s", range);
            report_cell_text(p, limit);
        }
    report_table_end(p, NULL);
}

static void put_verdict(struct page *p, const struct report_info *info, const struct run_result *r)
{
    size_t failed = 0;
    const struct run_verdict *worst = NULL;
    char text[400], value[60], limit[80];
    for (size_t i = 0; i < r->verdict_count; i++) {
        failed += !r->verdicts[i].pass;
        if (worst == NULL || beyond(&r->verdicts[i]) > beyond(worst))
            worst = &r->verdicts[i];
    }
    if (worst == NULL) {
        report_verdict(p, true, "NO EXPECTATIONS", "The scenario expects nothing: no verdict.");
    } else {
        limit_text(limit, worst);
        snprintf(value, sizeof value, isnan(worst->value) ? "not known" : "%.7g", worst->value);
        if (failed > 0)
            snprintf(text, sizeof text,
                     "%zu of %zu expectations fail; the worst: %s of %s is %s, expected %s.",
                     failed, r->verdict_count, worst->measure, whose(worst), value, limit);
        else
            snprintf(text, sizeof text,
                     "All %zu expectations hold; the nearest to its limit: %s of %s is %s, "
                     "expected %s.",
                     r->verdict_count, worst->measure, whose(worst), value, limit);
        report_verdict(p, failed == 0, failed > 0 ? "FAIL" : "PASS", text);
    }
    for (size_t i = 0; i < r->warning_count; i++) {
        page_put(p, "<p class=\"warn\">! ");
        page_text(p, r->warnings[i]);
        page_put(p, "</p>\n");
    }
    put_expectations(p, r);
    page_put(p,
             "<p class=\"soft\">%lld replication%s%s, seed %lld, digest %s, %s events, Bulkhead "
             "%s.</p>\n<p><code>",
             (long long)r->replications, r->replications == 1 ? "" : "s",
             r->stopped ? " (stopped before all had run)" : "", (long long)r->seed, r->digest,
             table_count(r->events), BULKHEAD_VERSION);
    page_text(p, info->command);
    page_put(p, "</code></p>\n");
}

/* ---- blast radius ---- */

static int by_availability(const void *a, const void *b)
{
    const struct run_country *x = *(const struct run_country *const *)a;
    const struct run_country *y = *(const struct run_country *const *)b;
    double dx = isnan(x->availability.mean) ? 2 : x->availability.mean;
    double dy = isnan(y->availability.mean) ? 2 : y->availability.mean;
    return dx != dy ? (dx < dy ? -1 : 1) : strcmp(x->name, y->name);
}

static void put_lost_bars(struct page *p, const struct run_result *r,
                          const struct run_country *const *sorted)
{
    enum { BARS = 12 };
    size_t n = r->country_count < BARS ? r->country_count : BARS;
    report_bars_begin(p, "Requests lost, by country", "% of the requests");
    for (size_t i = 0; i < n; i++) {
        page_put(p, "%s", i == 0 ? "" : ",");
        page_json(p, sorted[i]->name);
    }
    static const struct {
        const char *key;
        int which;
    } rows[] = {{"values", -1}, {"low", 1}, {"high", 0}};
    page_put(p, "],\"series\":[{\"name\":\"lost\"");
    for (size_t k = 0; k < 3; k++) {
        page_put(p, ",\"%s\":[", rows[k].key);
        for (size_t i = 0; i < n; i++) {
            const struct run_measure *m = &sorted[i]->availability;
            page_put(p, "%s", i == 0 ? "" : ",");
            page_number(p, 100 * (1 - (rows[k].which < 0 ? m->mean : m->ci95[rows[k].which])));
        }
        page_put(p, "]");
    }
    page_put(p, "}]");
    report_chart_end(p,
                     "Mean over %lld replications with its 95 %% interval; the %zu that lost "
                     "most of %zu.",
                     (long long)r->replications, n, r->country_count);
}

static void put_blast(struct page *p, const struct report_run *run,
                      const struct run_country *const *sorted)
{
    page_put(p, "<h2 id=\"blast\">Blast radius</h2>\n");
    if (run->courses != NULL && run->files->scenario.fault_count > 0)
        report_heat(p, run->files, run->courses);
    if (sorted[0]->requests > 0) /* those without are last */
        put_lost_bars(p, run->result, sorted);
}

/* ---- the whole ---- */

int report_sim(const char *path, const struct report_info *info, const struct report_run *run,
               struct error *err)
{
    struct page p = {0};
    const struct files *files = run->files;
    const struct run_result *result = run->result;
    const struct run_country **sorted = calloc(result->country_count, sizeof sorted[0]);
    if (sorted == NULL)
        return error_memory(err);
    for (size_t i = 0; i < result->country_count; i++)
        sorted[i] = &result->countries[i];
    qsort(sorted, result->country_count, sizeof sorted[0], by_availability);
    report_head(&p, "simulation", info);
    put_verdict(&p, info, result);
    report_numbers(&p, run);
    if (run->courses != NULL) {
        if (files->scenario.fault_count > 0)
            report_faults(&p, files, run->courses);
        report_timelines(&p, files, run->courses);
        report_percentiles(&p, run->courses, run->measured);
    }
    put_blast(&p, run, sorted);
    report_capacity(&p, &files->topo, &files->plan, files->scenario.load);
    report_predicted(&p, run);
    report_map(&p, &files->topo, &files->plan);
    report_tables(&p, result, sorted);
    if (run->courses != NULL)
        report_decisions(&p, files, run->courses);
    report_foot(&p, info);
    free(sorted);
    return page_save(&p, path, err);
}
