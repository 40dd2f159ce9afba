#include "commands/report_first.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "commands/files.h"
#include "commands/load_report.h"
#include "commands/report_course.h"
#include "commands/report_parts.h"
#include "commands/table.h"
#include "simulator/world.h"

enum { BEYOND = 100, MARKED = 4 };

void report_letter(char out[4], size_t index)
{
    if (index < 26)
        snprintf(out, 4, "%c", (char)('a' + index));
    else
        snprintf(out, 4, "%c%c", (char)('a' + (index / 26 - 1) % 26), (char)('a' + index % 26));
}

/* ---- timelines ---- */

/* A line where something of a fault was done, in the middle of the replications. */
static void put_mark(struct page *p, const struct courses *c, size_t nth, const char *word,
                     size_t offset, bool behind)
{
    double s[COURSE_RUNS];
    char letter[4];
    const struct course_fault *first = &c->run[0].fault[nth];
    /* What comes at random comes at another time in each. */
    bool random = c->run[0].files->scenario.faults[first->fault].every_us > 0;
    size_t count = random ? 1 : c->count;
    for (size_t i = 0; i < count; i++) {
        const char *fault = (const char *)&c->run[i].fault[nth];
        s[i] = (double)NAN;
        if (nth < c->run[i].fault_count && c->run[i].fault[nth].fault == first->fault)
            memcpy(&s[i], fault + offset, sizeof s[i]);
    }
    struct course_spread spread = course_spread(s, count);
    if (isnan(spread.median))
        return;
    report_letter(letter, first->fault);
    double from_s = (double)(behind ? first->to_ns : first->from_ns) * 1e-9;
    page_put(p, ",[%.6g,\"%s %s\"]", from_s + spread.median, letter, word);
}

/* The faults as bands, of the first replication where they come at random; with `marks` the lines
 * of the first few. */
static void put_faults(struct page *p, const struct courses *c, bool marks)
{
    const struct course *first = &c->run[0];
    report_chart_more(p);
    page_put(p, ",\"lanes\":%zu,\"bands\":[", first->files->scenario.fault_count);
    for (size_t i = 0; i < first->fault_count && i < COURSE_FAULTS; i++) {
        const struct course_fault *f = &first->fault[i];
        char letter[4];
        report_letter(letter, f->fault);
        page_put(p, "%s[%.6g,%.6g,\"%s\",%u]", i == 0 ? "" : ",", (double)f->from_ns * 1e-9,
                 (double)f->to_ns * 1e-9, letter, (unsigned)f->fault);
    }
    page_put(p, "],\"marks\":[[%.6g,\"%s\"]", (double)first->warmup_ns * 1e-9,
             first->warmup_ns > 0 ? "measured from here" : "");
    for (size_t i = 0; i < first->fault_count && i < MARKED && marks; i++) {
        put_mark(p, c, i, "detected", offsetof(struct course_fault, detect_s), false);
        put_mark(p, c, i, "shifted", offsetof(struct course_fault, shift_s), false);
        put_mark(p, c, i, "routed round", offsetof(struct course_fault, mitigate_s), false);
        put_mark(p, c, i, "recovered", offsetof(struct course_fault, recover_s), true);
    }
    page_put(p, "],\"end\":%.6g", (double)first->duration_ns * 1e-9);
}

/* The median of the replications in each bin, and what lies between the least and the most; nothing
 * where no bin is known. `scale` is as they are shown. */
static void put_bins(struct page *p, const struct courses *c, const char *name, const char *more,
                     enum course_number what, double scale)
{
    const struct course *first = &c->run[0];
    struct course_spread spread[COURSE_BINS];
    size_t known = 0;
    for (size_t i = 0; i < first->bins; i++) {
        spread[i] = courses_bin(c, i, what);
        known += !isnan(spread[i].median);
    }
    if (known == 0)
        return;
    report_series_begin(p, name, more);
    for (size_t i = 0; i < first->bins; i++)
        report_point(p, ((double)i + 0.5) * (double)first->bin_ns * 1e-9, spread[i].median * scale);
    page_put(p, "],\"band\":[");
    for (size_t i = 0; i < first->bins && c->count > 1; i++)
        report_point(p, spread[i].low * scale, spread[i].high * scale);
    report_series_end(p, "");
}

static void begin_chart(struct page *p, const char *title, const char *y_title, bool log)
{
    report_chart_begin(p, title, "seconds", "from the start of the run", y_title, log);
}

/* "Medians of 8 replications, shaded from the least to the most." */
static const char *of_runs(const struct courses *c, char out[160])
{
    char width[DURATION_TEXT_MAX];
    duration_format(width, c->run[0].bin_ns / 1000);
    if (c->count == 1)
        snprintf(out, 160, "One replication (n = 1), windows of %s", width);
    else
        snprintf(out, 160,
                 "Medians of %zu replications in windows of %s, shaded from the least to the most",
                 c->count, width);
    return out;
}

static void put_requests(struct page *p, const struct courses *c)
{
    char text[160];
    begin_chart(p, "Requests", "requests/s", false);
    put_bins(p, c, "offered", "\"dash\":1,\"color\":5,", COURSE_OFFERED, 1);
    put_bins(p, c, "answered", "\"dash\":0,\"color\":0,", COURSE_OK, 1);
    put_bins(p, c, "shed", "\"dash\":2,\"color\":3,", COURSE_SHED, 1);
    put_bins(p, c, "failed", "\"dash\":0,\"color\":1,\"thick\":2.5,", COURSE_FAILED, 1);
    put_faults(p, c, true);
    report_chart_end(p, "%s. Users' requests, by when they began (offered) or ended.",
                     of_runs(c, text));
}

static void put_latency(struct page *p, const struct courses *c)
{
    char text[160];
    begin_chart(p, "Latency", "ms", true);
    put_bins(p, c, "p50", "\"dash\":0,\"color\":0,", COURSE_P50_MS, 1);
    put_bins(p, c, "p99", "\"dash\":1,\"color\":2,", COURSE_P99_MS, 1);
    put_bins(p, c, "p99.9", "\"dash\":3,\"color\":4,", COURSE_P999_MS, 1);
    put_bins(p, c, "slowest", "\"dash\":2,\"color\":1,", COURSE_MAX_MS, 1);
    put_faults(p, c, false);
    report_chart_end(p,
                     "%s. Answers at the customer, by when they came. A percentile is left out "
                     "where fewer than one answer lies beyond it (p50: five).",
                     of_runs(c, text));
}

static void put_headroom(struct page *p, const struct files *files, const struct courses *c)
{
    const struct course *first = &c->run[0];
    const struct topo *t = &files->topo;
    char text[160], least[200] = "";
    if (first->tightest == WORLD_NONE)
        return;
    snprintf(least, sizeof least, " Least in the first replication: %s of %s, %s.",
             t->services[first->tightest % t->service_count].name,
             t->cells[first->tightest / t->service_count].name,
             table_percent(first->tightest_spare, 0));
    begin_chart(p, "Headroom", "% of capacity", false);
    put_bins(p, c, "spare share of the tightest service", "\"dash\":0,\"color\":2,\"thick\":2,",
             COURSE_HEADROOM, 100);
    put_faults(p, c, false);
    page_put(p, ",\"zero\":true");
    report_chart_end(p,
                     "%s. On the servers that live, in the whole world; at the thick line none "
                     "is left.%s",
                     of_runs(c, text), least);
}

static void put_backlog(struct page *p, const struct courses *c)
{
    char text[160];
    bool orders = !isnan(courses_bin(c, 0, COURSE_BACKLOG).median);
    begin_chart(p, "Backlog", orders ? "tries, pieces of work" : "tries", false);
    put_bins(p, c, "tries that wait at servers, at most", "\"dash\":0,\"color\":4,", COURSE_WAITING,
             1);
    put_bins(p, c, "pieces of orders that wait", "\"dash\":1,\"color\":3,", COURSE_BACKLOG, 1);
    put_faults(p, c, false);
    report_chart_end(p, "%s. All servers together; the most at once in each window%s.",
                     of_runs(c, text), orders ? ", and pieces as they wait at its end" : "");
    begin_chart(p, "Age", orders ? "s" : "ms", false);
    put_bins(p, c, "longest wait at a server", "\"dash\":0,\"color\":4,", COURSE_WAIT_MS,
             orders ? 1e-3 : 1);
    put_bins(p, c, "oldest piece of an order", "\"dash\":1,\"color\":3,", COURSE_OLDEST_S, 1);
    put_faults(p, c, false);
    report_chart_end(p, "%s. Waits by when they ended%s.", of_runs(c, text),
                     orders ? "; pieces by how long they have waited so far" : "");
}

void report_timelines(struct page *p, const struct files *files, const struct courses *c)
{
    double offered = 0, ok = 0;
    page_put(p, "<h2 id=\"time\">In the course of time</h2>\n");
    for (size_t k = 0; k < c->count; k++)
        for (size_t i = 0; i < c->run[k].bins; i++) {
            offered += c->run[k].bin[i][COURSE_OFFERED];
            ok += c->run[k].bin[i][COURSE_OK];
        }
    if (!(offered > 0)) {
        page_put(p, "<p>No user asked for anything in that time.</p>\n");
        return;
    }
    put_requests(p, c);
    if (ok > 0)
        put_latency(p, c);
    put_headroom(p, files, c);
    put_backlog(p, c);
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

/* The percentiles that a load tells of, as far as 100 answers lie beyond. */
static void put_measured(struct page *p, const struct load_summary *m)
{
    const struct {
        double beyond, ms;
    } at[] = {{2, m->all.p50_ms}, {100, m->all.p99_ms}, {1000, m->all.p999_ms}};
    size_t known = 0;
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        known += !isnan(at[i].ms) && (double)m->all.ok >= at[i].beyond * BEYOND;
    if (known == 0)
        return;
    report_series_begin(p, "measured, all countries",
                        "\"style\":\"dots\",\"mark\":\"rectRot\",\"size\":6,\"color\":4,");
    for (size_t i = 0; i < known; i++)
        report_point(p, at[i].beyond, at[i].ms);
    report_series_end(p, "");
}

void report_percentiles(struct page *p, const struct courses *c,
                        const struct load_summary *measured)
{
    const struct hist *h = c->phase;
    bool faults = c->run[0].fault_count > 0;
    if (h[0].count < BEYOND && h[1].count < BEYOND && h[2].count < BEYOND)
        return;
    page_put(p, "<h2 id=\"latency\">Latency by percentile</h2>\n");
    report_chart_begin(p, "", "percentile", "share of the answers that were faster", "ms", true);
    put_phase(p, &h[COURSE_BEFORE], faults ? "before the first fault" : "the whole run",
              "\"dash\":0,\"color\":0,");
    put_phase(p, &h[COURSE_DURING], "while a fault was on", "\"dash\":1,\"color\":1,");
    put_phase(p, &h[COURSE_AFTER], "between and after faults", "\"dash\":2,\"color\":2,");
    if (measured != NULL)
        put_measured(p, measured);
    report_chart_more(p);
    char counts[160];
    if (faults)
        snprintf(counts, sizeof counts, "%s before, %s during, %s after",
                 table_count((long long)h[0].count), table_count((long long)h[1].count),
                 table_count((long long)h[2].count));
    else
        snprintf(counts, sizeof counts, "%s of them", table_count((long long)h[0].count));
    report_chart_end(p,
                     "Answers of %zu replication%s behind the warm-up, of all countries together, "
                     "by when they came: %s. A line ends where fewer than %d answers lie beyond; "
                     "counted from when the customer meant to send.",
                     c->count, c->count == 1 ? "" : "s", counts, BEYOND);
}
