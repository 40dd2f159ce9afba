#include "commands/report_first.h"

#include <math.h>
#include <stdio.h>

#include "base/duration.h"
#include "commands/files.h"
#include "commands/report_course.h"
#include "commands/report_parts.h"
#include "commands/table.h"
#include "simulator/trace.h"

enum { HEAT_COLUMNS = 40, BEYOND = 100 };

/* ---- timelines ---- */

/* 0: a .. z, then aa ...; the lanes' letters. */
static void letter_of(char out[4], size_t index)
{
    if (index < 26)
        snprintf(out, 4, "%c", (char)('a' + index));
    else
        snprintf(out, 4, "%c%c", (char)('a' + (index / 26 - 1) % 26), (char)('a' + index % 26));
}

static void put_bands(struct page *p, const struct course *c)
{
    report_chart_more(p);
    page_put(p, ",\"bands\":[");
    for (size_t i = 0; i < c->fault_count && i < COURSE_FAULTS; i++) {
        char letter[4];
        letter_of(letter, c->fault[i].fault);
        page_put(p, "%s[%.6g,%.6g,\"%s\"]", i == 0 ? "" : ",", (double)c->fault[i].from_ns * 1e-9,
                 (double)c->fault[i].to_ns * 1e-9, letter);
    }
    page_put(p, "],\"marks\":[");
    if (c->warmup_ns > 0)
        page_put(p, "[%.6g,\"measured from here\"]", (double)c->warmup_ns * 1e-9);
    if (c->eject_first_ns >= 0)
        page_put(p, "%s[%.6g,\"detected\"]", c->warmup_ns > 0 ? "," : "",
                 (double)c->eject_first_ns * 1e-9);
    page_put(p, "],\"end\":%.6g", (double)c->duration_ns * 1e-9);
}

enum bin_value {
    BIN_OFFERED,
    BIN_OK,
    BIN_SHED,
    BIN_FAILED,
    BIN_P50,
    BIN_P99,
    BIN_MAX,
    BIN_WAITING
};

static double bin_value(const struct course *c, size_t i, enum bin_value what)
{
    const struct course_bin *bin = &c->bin[i];
    int64_t end_ns = (int64_t)(i + 1) * c->bin_ns, from_ns = (int64_t)i * c->bin_ns;
    double s = (double)((end_ns < c->duration_ns ? end_ns : c->duration_ns) - from_ns) * 1e-9;
    switch (what) {
    case BIN_OFFERED:
        return (double)bin->offered / s;
    case BIN_OK:
        return (double)bin->ok / s;
    case BIN_SHED:
        return (double)bin->shed / s;
    case BIN_FAILED:
        return (double)bin->failed / s;
    case BIN_P50:
        return bin->p50_ms;
    case BIN_P99:
        return bin->p99_ms;
    case BIN_MAX:
        return bin->max_ms;
    case BIN_WAITING:
        break;
    }
    return (double)bin->waiting_max;
}

static void put_bins(struct page *p, const struct course *c, const char *name, const char *more,
                     enum bin_value what)
{
    size_t known = 0;
    for (size_t i = 0; i < c->bins; i++)
        known += !isnan(bin_value(c, i, what));
    if (known == 0)
        return;
    report_series_begin(p, name, more);
    for (size_t i = 0; i < c->bins; i++)
        report_point(p, ((double)i + 0.5) * (double)c->bin_ns * 1e-9, bin_value(c, i, what));
    report_series_end(p, "");
}

static void put_lanes(struct page *p, const struct scenario *s)
{
    if (s->fault_count == 0)
        return;
    report_table_begin(p, "<Band|<Fault|<Where|At|For");
    for (size_t i = 0; i < s->fault_count; i++) {
        const struct scenario_fault *f = &s->faults[i];
        char letter[4], at[DURATION_TEXT_MAX], lasts[DURATION_TEXT_MAX], every[DURATION_TEXT_MAX];
        letter_of(letter, i);
        duration_format(at, f->at_us);
        duration_format(lasts, f->for_us);
        duration_format(every, f->every_us);
        report_row(p);
        report_cell_text(p, letter);
        report_cell_text(p, scenario_fault_words[f->kind]);
        report_cell_text(p, f->scope);
        if (f->every_us > 0)
            report_cell_number(p, (double)f->at_us, "from %s, about every %s", at, every);
        else
            report_cell_number(p, (double)f->at_us, "%s", at);
        report_cell_number(p, (double)f->for_us, "%s", f->for_us > 0 ? lasts : "to the end");
    }
    report_table_end(p, NULL);
}

static void put_latency(struct page *p, const struct course *c)
{
    report_chart_begin(p, "Latency", "seconds", "from the start of the run", "ms", true);
    put_bins(p, c, "p50", "\"dash\":0,\"color\":0,", BIN_P50);
    put_bins(p, c, "p99", "\"dash\":1,\"color\":3,", BIN_P99);
    put_bins(p, c, "slowest", "\"dash\":2,\"color\":1,", BIN_MAX);
    put_bands(p, c);
    report_chart_end(p, "Answered requests at the customer, by when they ended. A percentile is "
                        "left out where fewer than 100 answers stand behind it (p50: 10).");
}

void report_timelines(struct page *p, const struct files *files, const struct course *c)
{
    char width[DURATION_TEXT_MAX];
    duration_format(width, c->bin_ns / 1000);
    page_put(p,
             "<h2 id=\"time\">In the course of time</h2>\n<p class=\"soft\">The first "
             "replication, all countries together, in windows of %s. One replication is an "
             "anecdote; the numbers above are of all.</p>\n",
             width);
    put_lanes(p, &files->scenario);
    int64_t offered = 0, ok = 0;
    for (size_t i = 0; i < c->bins; i++) {
        offered += c->bin[i].offered;
        ok += c->bin[i].ok;
    }
    if (offered == 0) {
        page_put(p, "<p>No user asked for anything in that time.</p>\n");
        return;
    }
    report_chart_begin(p, "Requests", "seconds", "from the start of the run", "requests/s", false);
    put_bins(p, c, "offered", "\"dash\":1,\"color\":5,", BIN_OFFERED);
    put_bins(p, c, "answered", "\"dash\":0,\"color\":0,", BIN_OK);
    put_bins(p, c, "shed", "\"dash\":2,\"color\":3,", BIN_SHED);
    put_bins(p, c, "failed", "\"dash\":0,\"color\":1,\"thick\":2.5,", BIN_FAILED);
    put_bands(p, c);
    report_chart_end(p, "Users' requests, by when they began (offered) or ended; %zu windows.",
                     c->bins);
    if (ok > 0)
        put_latency(p, c);
    report_chart_begin(p, "Waiting", "seconds", "from the start of the run", "tries", false);
    put_bins(p, c, "tries that wait at servers, at most", "\"dash\":0,\"color\":4,", BIN_WAITING);
    put_bands(p, c);
    report_chart_end(p, "The most at once in each window, in all servers.");
}

/* ---- latency by percentile ---- */

static void put_phase(struct page *p, const struct hist *h, const char *name, const char *more)
{
    if (h->count < BEYOND)
        return;
    report_series_begin(p, name, more);
    for (double beyond = 1; beyond * BEYOND <= (double)h->count; beyond *= 1.1)
        report_point(p, beyond, hist_quantile_us(h, 1 - 1 / beyond) / 1000);
    double last = (double)h->count / BEYOND;
    report_point(p, last, hist_quantile_us(h, 1 - 1 / last) / 1000);
    report_series_end(p, "");
}

void report_percentiles(struct page *p, const struct course *c)
{
    bool faults = c->fault_first_ns >= 0;
    if (c->phase[0].count < BEYOND && c->phase[1].count < BEYOND && c->phase[2].count < BEYOND)
        return;
    page_put(p, "<h2 id=\"latency\">Latency by percentile</h2>\n");
    report_chart_begin(p, "", "percentile", "share of the answers that were faster", "ms", true);
    put_phase(p, &c->phase[COURSE_BEFORE], faults ? "before the first fault" : "the whole run",
              "\"dash\":0,\"color\":0,");
    put_phase(p, &c->phase[COURSE_DURING], "while a fault was on", "\"dash\":1,\"color\":1,");
    put_phase(p, &c->phase[COURSE_AFTER], "between and after faults", "\"dash\":2,\"color\":2,");
    report_chart_more(p);
    report_chart_end(p,
                     "First replication, answered requests of all countries behind the warm-up, by "
                     "when they ended: %s before, %s during, %s after. A line ends where fewer "
                     "than %d answers lie beyond; counted from when the customer meant to send.",
                     table_count((long long)c->phase[0].count),
                     table_count((long long)c->phase[1].count),
                     table_count((long long)c->phase[2].count), BEYOND);
}

/* ---- blast radius ---- */

void report_heat(struct page *p, const struct files *files, const struct course *c)
{
    const struct scenario *s = &files->scenario;
    size_t countries = files->topo.country_count, shown = 0, column[HEAT_COLUMNS];
    for (size_t k = 0; k < countries; k++) { /* those that lost most come first */
        int64_t lost = 0;
        for (size_t i = 0; i < s->fault_count; i++)
            lost += c->share[i * countries + k].lost;
        if (shown < HEAT_COLUMNS && (lost > 0 || countries <= HEAT_COLUMNS))
            column[shown++] = k;
    }
    page_put(p, "<div class=\"wide\"><table class=\"sort\"><thead><tr><th class=\"l\">Fault</th>");
    for (size_t k = 0; k < shown; k++)
        page_put(p, "<th>%s</th>", files->topo.countries[column[k]].name);
    page_put(p, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < s->fault_count; i++) {
        char letter[4];
        letter_of(letter, i);
        page_put(p, "<tr><td class=\"l\">%s: %s ", letter, scenario_fault_words[s->faults[i].kind]);
        page_text(p, s->faults[i].scope);
        page_put(p, "</td>");
        for (size_t k = 0; k < shown; k++) {
            const struct course_share *share = &c->share[i * countries + column[k]];
            double lost = share->requests > 0 ? (double)share->lost / (double)share->requests : 0;
            page_put(p, "<td class=\"heat\" data-v=\"%.6g\" style=\"--h:%.3f\">%s</td>", lost,
                     sqrt(lost),
                     share->requests == 0 ? "-"
                     : share->lost == 0   ? "0"
                                          : table_percent(lost, lost < 0.1 ? 2 : 0));
        }
        page_put(p, "</tr>\n");
    }
    page_put(p,
             "</tbody></table></div>\n<p class=\"soft\">First replication: of the requests that "
             "ended while the fault was "
             "on, the share lost; darker is more, - is no request. Faults that overlap are both "
             "counted. %zu of %zu countries shown.</p>\n",
             shown, countries);
}

/* ---- decisions ---- */

void report_decisions(struct page *p, const struct files *files, const struct course *c)
{
    if (c->decision_count == 0)
        return;
    page_put(p, "<h3>Decisions</h3>\n");
    report_table_begin(p, "Second|<What|<Server|<Why");
    for (size_t i = 0; i < c->decision_count && i < COURSE_DECISIONS; i++) {
        const struct course_decision *d = &c->decision[i];
        const struct topo *t = &files->topo;
        const struct topo_cell *cell = &t->cells[d->group / t->service_count];
        const struct topo_service *service = &t->services[d->group % t->service_count];
        char text[160];
        report_row(p);
        report_cell_number(p, (double)d->at_ns * 1e-9, "%.3f", (double)d->at_ns * 1e-9);
        report_cell_text(p, d->kind == TRACE_EJECT   ? "left out"
                            : d->kind == TRACE_TRIAL ? "tried again"
                                                     : "takes part again");
        snprintf(text, sizeof text, "%s%s%s/%s-%u", cell->name,
                 d->zone < cell->zone_count ? "/" : "",
                 d->zone < cell->zone_count ? cell->zones[d->zone] : "", service->name, d->nth + 1);
        report_cell_text(p, text);
        if (d->kind == TRACE_EJECT)
            snprintf(text, sizeof text, "%lld failures in a row, or its trial failed",
                     (long long)t->policy.eject_failures);
        else if (d->kind == TRACE_TRIAL)
            snprintf(text, sizeof text, "%.3g s have passed", (double)t->policy.eject_us * 1e-6);
        else
            snprintf(text, sizeof text, "its trial was answered");
        report_cell_text(p, text);
    }
    char caption[240];
    snprintf(
        caption, sizeof caption,
        "The door's, in the first replication, the first %d of %s. Besides: %s retries, and %s "
        "that the budget refused.",
        c->decision_count < COURSE_DECISIONS ? (int)c->decision_count : COURSE_DECISIONS,
        table_count((long long)c->decision_count), table_count(c->retries),
        table_count(c->no_retries));
    report_table_end(p, caption);
}
