#include "commands/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "commands/files.h"
#include "commands/sweep.h"
#include "commands/table.h"

enum { ROWS = 50 };

enum answer { ANSWER_AVAILABILITY, ANSWER_P99, ANSWERS };
static const char *const answer_words[] = {"requests lost, %", "p99, ms"};

/* A variant's answer: of the country where it is worst, so that larger is worse. */
static double answer_of(const struct sweep_variant *v, enum answer what, const char **country)
{
    double worst = (double)NAN;
    for (size_t i = 0; i < v->result.country_count; i++) {
        const struct run_country *c = &v->result.countries[i];
        double value = what == ANSWER_P99 ? c->p99_ms.mean : 100 * (1 - c->availability.mean);
        if (!isnan(value) && (isnan(worst) || value > worst)) {
            worst = value;
            *country = c->name;
        }
    }
    return worst;
}

/* The mean answer of the variants with value `value` of axis `axis`; NaN: none has run. */
static double mean_at(const struct sweep_report *r, size_t axis, const char *value,
                      enum answer what)
{
    double sum = 0, n = 0;
    const char *country;
    for (size_t i = 0; i < r->variant_count; i++) {
        double answer = answer_of(&r->variants[i], what, &country);
        if (strcmp(r->variants[i].sets[axis].value, value) == 0 && !isnan(answer)) {
            sum += answer;
            n++;
        }
    }
    return n > 0 ? sum / n : (double)NAN;
}

struct effect { /* of an axis on an answer */
    size_t axis;
    double low, high; /* the smallest and the largest mean over its values */
    const char *at_low, *at_high;
};

static struct effect effect_of(const struct sweep_report *r, size_t axis, enum answer what)
{
    struct effect e = {axis, (double)NAN, (double)NAN, "", ""};
    for (size_t i = 0; i < r->variant_count; i++) {
        const char *value = r->variants[i].sets[axis].value;
        double mean = mean_at(r, axis, value, what);
        if (isnan(e.low) || mean < e.low) {
            e.low = mean;
            e.at_low = value;
        }
        if (isnan(e.high) || mean > e.high) {
            e.high = mean;
            e.at_high = value;
        }
    }
    return e;
}

static int by_effect(const void *a, const void *b)
{
    const struct effect *x = a, *y = b;
    double dx = x->high - x->low, dy = y->high - y->low;
    if (isnan(dx) || isnan(dy))
        return isnan(dx) - isnan(dy);
    return dx != dy ? (dx > dy ? -1 : 1) : (x->axis < y->axis ? -1 : 1);
}

static void put_effects(struct page *p, const struct sweep_report *r, enum answer what)
{
    struct effect effect[SWEEP_AXES_MAX];
    size_t axes = r->variants[0].set_count;
    char title[120];
    for (size_t i = 0; i < axes; i++)
        effect[i] = effect_of(r, i, what);
    qsort(effect, axes, sizeof effect[0], by_effect);
    snprintf(title, sizeof title, "Change of the answer: %s", answer_words[what]);
    report_bars_begin(p, title, answer_words[what]);
    for (size_t i = 0; i < axes; i++) {
        page_put(p, "%s", i == 0 ? "" : ",");
        page_json(p, r->variants[0].sets[effect[i].axis].path);
    }
    page_put(p, "],\"series\":[{\"name\":\"from its best value to its worst\",\"values\":[");
    for (size_t i = 0; i < axes; i++) {
        page_put(p, "%s", i == 0 ? "" : ",");
        page_number(p, effect[i].high - effect[i].low);
    }
    page_put(p, "]}]");
    char words[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < axes && used < sizeof words; i++)
        used +=
            (size_t)snprintf(words + used, sizeof words - used, "%s%s: %.4g at %s, %.4g at %s",
                             i == 0 ? "" : "; ", r->variants[0].sets[effect[i].axis].path,
                             effect[i].low, effect[i].at_low, effect[i].high, effect[i].at_high);
    report_chart_end(p,
                     "%s. Means over the variants with that value, of the country where it is "
                     "worst in each.",
                     words);
}

/* A value as a number, without the locale's decimal point. False: it is none. */
static bool number_of(const char *text, double *out)
{
    double value = 0, scale = 1;
    bool point = false;
    const char *t = text + (*text == '-');
    if (*t == '\0' || strspn(t, "0123456789.") != strlen(t))
        return false;
    for (; *t != '\0'; t++) {
        if (*t == '.') {
            point = true;
            continue;
        }
        value = value * 10 + (*t - '0');
        scale = point ? scale * 10 : scale;
    }
    *out = (*text == '-' ? -1 : 1) * value / scale;
    return true;
}

/* The answer by the values of the last axis, a line for each combination of the others. */
static void put_curve(struct page *p, const struct sweep_report *r, enum answer what)
{
    enum { LINES = 6 };
    size_t axes = r->variants[0].set_count, last = axes - 1, lines = 0;
    double x = 0;
    const char *country = "";
    for (size_t i = 0; i < r->variant_count; i++)
        if (!number_of(r->variants[i].sets[last].value, &x))
            return;
    char title[160];
    const char *path = r->variants[0].sets[last].path;
    snprintf(title, sizeof title, "%s by %s", answer_words[what], path);
    report_chart_begin(p, title, "plain", path, answer_words[what], false);
    for (size_t i = 0; i < r->variant_count && lines < LINES; lines++) {
        char name[200] = "";
        size_t used = 0, k = i;
        for (size_t s = 0; s < last && used < sizeof name; s++)
            used +=
                (size_t)snprintf(name + used, sizeof name - used, "%s%s = %s", s == 0 ? "" : ", ",
                                 r->variants[i].sets[s].path, r->variants[i].sets[s].value);
        report_series_begin(p, last == 0 ? answer_words[what] : name, "");
        for (; k < r->variant_count; k++) {
            bool same = true;
            for (size_t s = 0; s < last; s++)
                same =
                    same && strcmp(r->variants[k].sets[s].value, r->variants[i].sets[s].value) == 0;
            if (!same)
                break;
            number_of(r->variants[k].sets[last].value, &x);
            report_point(p, x, answer_of(&r->variants[k], what, &country));
        }
        report_series_end(p, "");
        i = k;
    }
    report_chart_more(p);
    report_chart_end(p, "Of the country where it is worst in each variant; means over its "
                        "replications.");
}

static void put_measure(struct page *p, const struct run_measure *m, double scale,
                        const char *format)
{
    char range[REPORT_RANGE];
    report_range(range, m, scale, format);
    if (isnan(m->mean))
        report_cell(p, "-");
    else if (isnan(m->ci95[0]))
        report_cell_number(p, m->mean * scale, "%+.3g", m->mean * scale + 0.0);
    else
        report_cell_number(p, m->mean * scale, "%+.3g (%s)", m->mean * scale + 0.0, range);
}

struct worst { /* a variant, as tables begin with those that lost most */
    size_t index;
    double lost, p99;
};

static int by_worst(const void *a, const void *b)
{
    const struct worst *x = a, *y = b;
    if (x->lost != y->lost)
        return x->lost > y->lost ? -1 : 1;
    if (x->p99 != y->p99)
        return x->p99 > y->p99 ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static int by_index(const void *a, const void *b)
{
    const struct worst *x = a, *y = b;
    return x->index < y->index ? -1 : 1;
}

static double known(double value)
{
    return isnan(value) ? -1 : value;
}

static void put_variant(struct page *p, const struct sweep_variant *v, size_t index)
{
    const char *country = "-", *slow = "-";
    double lost = answer_of(v, ANSWER_AVAILABILITY, &country);
    double p99 = answer_of(v, ANSWER_P99, &slow);
    const struct run_measure none = {(double)NAN, {(double)NAN, (double)NAN}, 0};
    const struct run_measure *by_lost = &none, *by_p99 = &none;
    for (size_t k = 0; k < v->difference_count; k++) {
        if (strcmp(v->differences[k].country, country) == 0)
            by_lost = &v->differences[k].availability;
        if (strcmp(v->differences[k].country, slow) == 0)
            by_p99 = &v->differences[k].p99_ms;
    }
    report_row(p);
    report_cell_number(p, (double)(index + 1), "%zu", index + 1);
    for (size_t k = 0; k < v->set_count; k++)
        report_cell_text(p, v->sets[k].value);
    if (v->result.verdict_count == 0)
        report_cell_text(p, "none");
    else
        page_put(p, v->result.pass ? "<td class=\"l ok\">pass</td>"
                                   : "<td class=\"l fail\">&#x2717; FAIL</td>");
    report_cell_text(p, country);
    report_cell_number(p, lost, "%.4g %%", lost);
    put_measure(p, by_lost, -100, "%+.3g");
    report_cell_number(p, p99, isnan(p99) ? "-" : "%.1f", p99);
    put_measure(p, by_p99, 1, "%+.3g");
    report_cell_number(p, (double)v->servers, "%s", table_count(v->servers));
}

/* It may break behind its dots. */
static void put_path(struct page *p, const char *path)
{
    for (size_t len; *path != '\0'; path += len) {
        len = strcspn(path, ".");
        len += path[len] == '.';
        page_text_len(p, path, len);
        page_put(p, "<wbr>");
    }
}

static void put_variants(struct page *p, const struct sweep_report *r)
{
    size_t axes = r->variants[0].set_count, failed = 0;
    struct worst *worst = calloc(r->variant_count, sizeof worst[0]);
    const char *country;
    if (worst == NULL) {
        p->failed = true;
        return;
    }
    for (size_t i = 0; i < r->variant_count; i++)
        worst[i] =
            (struct worst){i, known(answer_of(&r->variants[i], ANSWER_AVAILABILITY, &country)),
                           known(answer_of(&r->variants[i], ANSWER_P99, &country))};
    size_t shown = r->variant_count < ROWS ? r->variant_count : ROWS;
    qsort(worst, r->variant_count, sizeof worst[0], by_worst);
    qsort(worst, shown, sizeof worst[0], by_index);
    page_put(p, "<h2 id=\"tables\">Variants</h2>\n<div class=\"wide\"><table class=\"sort\">\n"
                "<thead><tr><th>Variant</th>");
    for (size_t i = 0; i < axes; i++) {
        page_put(p, "<th class=\"l\">");
        put_path(p, r->variants[0].sets[i].path);
        page_put(p, "</th>");
    }
    page_put(p, "<th class=\"l\">Verdict</th><th class=\"l\">Worst country</th><th>Lost</th>"
                "<th>to the first, %% points</th><th>p99 ms</th><th>to the first, ms</th>"
                "<th>Servers</th></tr></thead>\n<tbody>");
    for (size_t i = 0; i < shown; i++)
        put_variant(p, &r->variants[worst[i].index], worst[i].index);
    for (size_t i = shown; i < r->variant_count; i++)
        failed += !r->variants[worst[i].index].result.pass;
    free(worst);
    report_table_rest(p, axes + 8, (int64_t)(r->variant_count - shown),
                      "%s that fail, none lost more", table_count((long long)failed));
    char caption[320];
    snprintf(caption, sizeof caption,
             "%zu of %lld variants ran. The first is the baseline: differences are of the same "
             "country to it, replication by replication, which share their luck, with their 95 %% "
             "interval.",
             r->variant_count, (long long)r->planned);
    report_table_end(p, caption);
}

int report_sweep(const char *path, const struct report_info *info, const struct files *files,
                 const struct sweep_report *sweep, struct error *err)
{
    struct page p = {0};
    size_t failed = 0;
    char text[200];
    report_head(&p, "sweep", info);
    for (size_t i = 0; i < sweep->variant_count; i++)
        failed += !sweep->variants[i].result.pass;
    snprintf(text, sizeof text, "%zu of %zu variants meet what they expect%s.",
             sweep->variant_count - failed, sweep->variant_count,
             sweep->stopped ? "; stopped before all had run" : "");
    if (sweep->variants[0].result.verdict_count == 0)
        report_verdict(&p, true, "NO EXPECTATIONS",
                       sweep->stopped ? "No verdict; stopped before all had run."
                                      : "The scenario expects nothing: no verdict.");
    else
        report_verdict(&p, failed == 0, failed == 0 ? "PASS" : "FAIL", text);
    page_put(&p,
             "<p class=\"soft\">Seed %lld, the same for all; %lld replications each; Bulkhead "
             "%s.</p>\n<p><code>",
             (long long)sweep->seed, (long long)sweep->variants[0].result.replications,
             BULKHEAD_VERSION);
    page_text(&p, info->command);
    page_put(&p, "</code></p>\n");
    page_put(&p, "<h2 id=\"matters\">What matters most</h2>\n<div class=\"plots\">\n");
    for (int what = 0; what < ANSWERS; what++)
        put_effects(&p, sweep, (enum answer)what);
    for (int what = 0; what < ANSWERS; what++)
        put_curve(&p, sweep, (enum answer)what);
    page_put(&p, "</div>\n");
    put_variants(&p, sweep);
    report_capacity(&p, &files->topo, &files->plan, files->scenario.load);
    report_map(&p, &files->topo, &files->plan);
    report_foot(&p, info);
    return page_save(&p, path, err);
}
