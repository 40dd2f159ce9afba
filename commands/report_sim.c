#include "commands/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "commands/files.h"
#include "commands/report_first.h"
#include "commands/table.h"
#include "simulator/run.h"

enum { ROWS = 50 };

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

static void put_expectations(struct page *p, const struct run_result *r)
{
    if (r->verdict_count == 0)
        return;
    report_table_begin(p, "<Verdict|<Expectation|<Country|Value|95 % interval|<Limit");
    for (int pass = 0; pass < 2; pass++) /* what failed first */
        for (size_t i = 0; i < r->verdict_count; i++) {
            const struct run_verdict *v = &r->verdicts[i];
            const struct run_country *c = country_at(r, v->country);
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
            report_cell_text(p, v->country);
            report_cell_number(p, v->value, isnan(v->value) ? "not known" : "%.7g", v->value);
            report_cell(p, "%s", range);
            report_cell_text(p, limit);
        }
    report_table_end(p, NULL);
}

static void put_verdict(struct page *p, const struct run_result *r)
{
    size_t failed = 0;
    const struct run_verdict *worst = NULL;
    char text[400];
    for (size_t i = 0; i < r->verdict_count; i++)
        if (!r->verdicts[i].pass) {
            failed++;
            worst = worst == NULL ? &r->verdicts[i] : worst;
        }
    if (worst != NULL) {
        char limit[80];
        limit_text(limit, worst);
        snprintf(text, sizeof text, "%zu of %zu expectations fail; %s of %s is %.6g, expected %s.",
                 failed, r->verdict_count, worst->measure, worst->country, worst->value, limit);
        report_verdict(p, false, "FAIL", text);
    } else if (r->verdict_count == 0) {
        report_verdict(p, true, "NO EXPECTATIONS", "The scenario expects nothing: no verdict.");
    } else {
        snprintf(text, sizeof text, "All %zu expectations hold.", r->verdict_count);
        report_verdict(p, true, "PASS", text);
    }
    for (size_t i = 0; i < r->warning_count; i++) {
        page_put(p, "<p class=\"warn\">! ");
        page_text(p, r->warnings[i]);
        page_put(p, "</p>\n");
    }
    put_expectations(p, r);
    page_put(p, "<p class=\"soft\">%lld replication%s%s, seed %lld, digest %s, %s events.</p>\n",
             (long long)r->replications, r->replications == 1 ? "" : "s",
             r->stopped ? " (stopped before all had run)" : "", (long long)r->seed, r->digest,
             table_count(r->events));
}

/* ---- numbers ---- */

static void put_ms(struct page *p, const char *name, const struct run_measure *m,
                   const char *country)
{
    char range[REPORT_RANGE], small[160];
    report_range(range, m, 1, "%.3g");
    snprintf(small, sizeof small, "%s; %s", country, range);
    if (isnan(m->mean))
        report_number(p, name, "no answer", "-");
    else
        report_number(p, name, small, "%.3g ms", m->mean);
}

/* "12.3 s", "0.48 ms" */
static void time_text(char out[40], double s)
{
    bool whole = s >= 1 || s <= 0;
    snprintf(out, 40, whole ? "%.3g s" : "%.3g ms", whole ? s : s * 1000);
}

static void put_seconds(struct page *p, const char *name, const struct run_result *r, size_t offset,
                        const char *none)
{
    const struct run_measure *most = NULL;
    const char *whose = "";
    char range[REPORT_RANGE], small[160];
    for (size_t i = 0; i < r->country_count; i++) {
        const struct run_measure *m =
            (const struct run_measure *)(const void *)((const char *)&r->countries[i] + offset);
        if (!isnan(m->mean) && (most == NULL || m->mean > most->mean)) {
            most = m;
            whose = r->countries[i].name;
        }
    }
    if (most == NULL) {
        report_number(p, name, none, "-");
        return;
    }
    char text[40];
    time_text(text, most->mean);
    report_range(range, most, 1, "%.3g");
    snprintf(small, sizeof small, "%s, the longest; %s s", whose, range);
    report_number(p, name, small, "%s", text);
}

static const struct run_country *worst_of(const struct run_result *r, bool by_latency)
{
    const struct run_country *worst = &r->countries[0];
    for (size_t i = 1; i < r->country_count; i++) {
        const struct run_country *c = &r->countries[i];
        if (by_latency ? c->p99_ms.mean > worst->p99_ms.mean || isnan(worst->p99_ms.mean)
                       : c->availability.mean < worst->availability.mean)
            worst = c;
    }
    return worst;
}

static void put_numbers(struct page *p, const struct files *files, const struct run_result *r)
{
    int64_t requests = 0, lost = 0;
    char small[200], range[REPORT_RANGE];
    const struct run_country *worst = worst_of(r, false), *slow = worst_of(r, true);
    for (size_t i = 0; i < r->country_count; i++) {
        requests += r->countries[i].requests;
        lost += r->countries[i].requests - r->countries[i].ok;
    }
    page_put(p, "<h2>Numbers</h2>\n");
    report_numbers_begin(p);
    if (isnan(worst->availability.ci95[0]))
        snprintf(small, sizeof small, "%s, the least", worst->name);
    else
        snprintf(small, sizeof small, "%s, the least; %s .. %s", worst->name,
                 table_nines(worst->availability.ci95[0]),
                 table_nines(worst->availability.ci95[1]));
    report_number(p, "Availability", small, "%s", table_nines(worst->availability.mean));
    snprintf(small, sizeof small, "of %s, in all replications", table_count(requests));
    report_number(p, "Requests lost", small, "%s", table_count(lost));
    put_ms(p, "p50", &slow->p50_ms, slow->name);
    put_ms(p, "p99", &slow->p99_ms, slow->name);
    put_ms(p, "p99.9", &slow->p999_ms, slow->name);
    report_number(p, "Slowest answer", slow->name, isnan(slow->max_ms) ? "-" : "%.4g ms",
                  slow->max_ms);
    snprintf(small, sizeof small, "with %s of the customers; %s of the requests lost",
             table_percent(r->blast.customers, 1), table_percent(r->blast.requests, 3));
    report_number(p, "Blast radius", small, "%lld of %zu countries", (long long)r->blast.countries,
                  r->country_count);
    if (files->scenario.fault_count > 0) {
        char text[40];
        time_text(text, r->detect_s.mean);
        report_range(range, &r->detect_s, 1, "%.3g");
        snprintf(small, sizeof small, "a server was left out; %s s", range);
        if (isnan(r->detect_s.mean))
            report_number(p, "Detected", "no server was left out", "-");
        else
            report_number(p, "Detected after", small, "%s", text);
        put_seconds(p, "Mitigated after", r, offsetof(struct run_country, mitigate_s), "not felt");
        put_seconds(p, "Recovered after", r, offsetof(struct run_country, recover_s),
                    "still hurt, or the fault lasted to the end");
    }
    report_number(p, "Servers", "as planned, in all cells", "%s", table_count(files->plan.servers));
    report_numbers_end(p);
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

static void put_blast(struct page *p, const struct files *files, const struct run_result *r,
                      const struct course *c, const struct run_country *const *sorted)
{
    page_put(p, "<h2 id=\"blast\">Blast radius</h2>\n");
    if (c != NULL && files->scenario.fault_count > 0)
        report_heat(p, files, c);
    if (sorted[0]->requests > 0) /* those without are last */
        put_lost_bars(p, r, sorted);
}

/* ---- tables ---- */

static void cell_measure(struct page *p, const struct run_measure *m, const char *format)
{
    if (isnan(m->mean)) {
        report_cell(p, "-");
        return;
    }
    char text[40];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, format, m->mean);
#pragma GCC diagnostic pop
    report_cell_number(p, m->mean, "%s", text);
}

static void put_countries(struct page *p, const struct run_result *r,
                          const struct run_country *const *sorted)
{
    page_put(p, "<h2 id=\"tables\">Tables</h2>\n<h3>Countries</h3>\n");
    report_table_begin(p, "<Country|Requests|Answered|95 % interval|Shed|Failed|Retries|p50 ms|p99 "
                          "ms|p99.9 ms|Slowest ms|Hurt s|Mitigated s|Recovered s");
    for (size_t i = 0; i < r->country_count && i < ROWS; i++) {
        const struct run_country *c = sorted[i];
        report_row(p);
        report_cell_text(p, c->name);
        report_cell_number(p, (double)c->requests, "%s", table_count(c->requests));
        report_cell_number(p, c->availability.mean, "%s",
                           c->requests == 0 ? "-" : table_nines(c->availability.mean));
        if (isnan(c->availability.ci95[0]))
            report_cell(p, "-");
        else
            report_cell(p, "%s .. %s", table_nines(c->availability.ci95[0]),
                        table_nines(c->availability.ci95[1]));
        report_cell_number(p, (double)c->shed, "%s", table_count(c->shed));
        report_cell_number(p, (double)c->failed, "%s", table_count(c->failed));
        report_cell_number(p, (double)c->retries, "%s", table_count(c->retries));
        cell_measure(p, &c->p50_ms, "%.1f");
        cell_measure(p, &c->p99_ms, "%.1f");
        cell_measure(p, &c->p999_ms, "%.1f");
        report_cell_number(p, c->max_ms, isnan(c->max_ms) ? "-" : "%.1f", c->max_ms);
        cell_measure(p, &c->hurt_s, "%.1f");
        cell_measure(p, &c->mitigate_s, "%.1f");
        cell_measure(p, &c->recover_s, "%.1f");
    }
    char caption[120];
    snprintf(caption, sizeof caption, "All replications, behind the warm-up%s%s%s.",
             r->country_count > ROWS ? "; and " : "",
             r->country_count > ROWS ? table_count((long long)(r->country_count - ROWS)) : "",
             r->country_count > ROWS ? " more that lost no larger share" : "");
    report_table_end(p, caption);
}

static void put_services(struct page *p, const struct run_result *r)
{
    size_t rows = 0, all = 0;
    page_put(p, "<h3>Services</h3>\n");
    report_table_begin(p, "<Cell|<Service|Servers|Server hours|Busy|Waiting|At most|Tries shed");
    for (size_t i = 0; i < r->cell_count; i++)
        for (size_t k = 0; k < r->cells[i].service_count; k++, all++) {
            const struct run_service *s = &r->cells[i].services[k];
            if (rows == ROWS)
                continue;
            rows++;
            report_row(p);
            report_cell_text(p, r->cells[i].name);
            report_cell_text(p, s->name);
            report_cell_number(p, (double)s->servers, "%s", table_count(s->servers));
            cell_measure(p, &s->server_hours, "%.1f");
            report_cell_number(p, s->busy.mean, "%s", table_percent(s->busy.mean, 0));
            cell_measure(p, &s->waiting, "%.2f");
            report_cell_number(p, (double)s->waiting_max, "%s", table_count(s->waiting_max));
            report_cell_number(p, (double)s->tries_shed, "%s", table_count(s->tries_shed));
        }
    char caption[120];
    snprintf(caption, sizeof caption, "Means over all replications%s%s%s.",
             all > rows ? "; and " : "", all > rows ? table_count((long long)(all - rows)) : "",
             all > rows ? " more" : "");
    report_table_end(p, caption);
}

int report_sim(const char *path, const struct report_info *info, const struct files *files,
               const struct run_result *result, const struct course *course, struct error *err)
{
    struct page p = {0};
    const struct run_country **sorted = calloc(result->country_count, sizeof sorted[0]);
    if (sorted == NULL)
        return error_memory(err);
    for (size_t i = 0; i < result->country_count; i++)
        sorted[i] = &result->countries[i];
    qsort(sorted, result->country_count, sizeof sorted[0], by_availability);
    report_head(&p, "simulation", info);
    put_verdict(&p, result);
    put_numbers(&p, files, result);
    if (course != NULL) {
        report_timelines(&p, files, course);
        report_percentiles(&p, course);
    }
    put_blast(&p, files, result, course, sorted);
    report_capacity(&p, &files->topo, &files->plan, files->scenario.load);
    report_map(&p, &files->topo, &files->plan);
    put_countries(&p, result, sorted);
    put_services(&p, result);
    if (course != NULL)
        report_decisions(&p, files, course);
    report_foot(&p, info);
    free(sorted);
    return page_save(&p, path, err);
}
