/* Sections about faults, in the first replications: times, who lost what, what was decided. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "commands/files.h"
#include "commands/report_course.h"
#include "commands/report_first.h"
#include "commands/report_parts.h"
#include "commands/table.h"
#include "commands/trace_put.h"
#include "simulator/world.h"

enum { HEAT_COLUMNS = 40, ROWS = 50 };

/* ---- how long it took ---- */

/* Seconds of all the times that a fault came, in all replications: the middle, the least and the
 * most; `value` has room for them. */
static void put_times(struct page *p, const struct courses *c, size_t fault, size_t offset,
                      const char *never, double *value)
{
    size_t count = 0, times = 0;
    for (size_t k = 0; k < c->count; k++)
        for (size_t i = 0; i < c->run[k].fault_count && i < COURSE_FAULTS; i++) {
            if (c->run[k].fault[i].fault != fault)
                continue;
            memcpy(&value[count], (const char *)&c->run[k].fault[i] + offset, sizeof value[0]);
            times++;
            count += !isnan(value[count]);
        }
    struct course_spread s = course_spread(value, count);
    char text[REPORT_SECONDS];
    if (count == 0) {
        report_cell_number(p, (double)NAN, "%s", times > 0 ? never : "-");
        return;
    }
    report_seconds(text, s.median, count > 1 && s.high > 0 ? s.low : (double)NAN, s.high);
    if (count < times)
        report_cell_number(p, s.median, "%s, %zu of %zu times", text, count, times);
    else
        report_cell_number(p, s.median, "%s", text);
}

static void put_when(struct page *p, const struct scenario_fault *f)
{
    char at[DURATION_TEXT_MAX], lasts[DURATION_TEXT_MAX], every[DURATION_TEXT_MAX];
    duration_format(at, f->at_us);
    duration_format(lasts, f->for_us);
    duration_format(every, f->every_us);
    if (f->every_us > 0)
        report_cell_number(p, (double)f->at_us, "from %s, about every %s", at, every);
    else
        report_cell_number(p, (double)f->at_us, "%s", at);
    report_cell_number(p, (double)f->for_us, "%s", f->for_us > 0 ? lasts : "to the end");
}

void report_faults(struct page *p, const struct files *files, const struct courses *c)
{
    const struct scenario *s = &files->scenario;
    double *value = calloc((size_t)COURSE_RUNS * COURSE_FAULTS, sizeof value[0]);
    bool shift = false;
    if (value == NULL) {
        p->failed = true;
        return;
    }
    for (size_t k = 0; k < c->count; k++)
        shift = shift || c->run[k].kind[TRACE_SHIFT] > 0;
    page_put(p, "<h3>Faults</h3>\n");
    report_table_begin(p, shift ? "<Band|<Fault|<Where|At|For|Detected after|Zone taken out after|"
                                  "Routed round after|Recovered after"
                                : "<Band|<Fault|<Where|At|For|Detected after|Routed round after|"
                                  "Recovered after");
    for (size_t i = 0; i < s->fault_count && i < ROWS; i++) {
        const struct scenario_fault *f = &s->faults[i];
        char letter[4];
        report_letter(letter, i);
        report_row(p);
        report_cell_text(p, letter);
        report_cell_text(p, scenario_fault_words[f->kind]);
        report_cell_text(p, f->scope);
        put_when(p, f);
        put_times(p, c, i, offsetof(struct course_fault, detect_s), "no server left out", value);
        if (shift)
            put_times(p, c, i, offsetof(struct course_fault, shift_s), "not", value);
        put_times(p, c, i, offsetof(struct course_fault, mitigate_s), "-", value);
        put_times(p, c, i, offsetof(struct course_fault, recover_s),
                  "still hurt, or it lasted to the end", value);
    }
    free(value);
    char caption[400];
    snprintf(caption, sizeof caption,
             "The middle of %zu replication%s, the least and the most. Detected: a server that it "
             "touches was left out, from its begin. Routed round: the last tenth of a second that "
             "began to lose more than 1 %% while it was on. Recovered: the same from its end%s.",
             c->count, c->count == 1 ? "" : "s",
             s->fault_count > ROWS ? ". The first 50 faults" : "");
    report_table_end(p, caption);
}

/* ---- blast radius ---- */

struct column { /* of the heat map */
    size_t country;
    int64_t lost;
};

static int by_lost(const void *a, const void *b)
{
    const struct column *x = a, *y = b;
    if (x->lost != y->lost)
        return x->lost > y->lost ? -1 : 1;
    return x->country < y->country ? -1 : 1;
}

static void put_shares(struct page *p, const struct files *files, const struct courses *c,
                       const struct column *column, size_t shown)
{
    const struct scenario *s = &files->scenario;
    for (size_t i = 0; i < s->fault_count && i < ROWS; i++) {
        char letter[4];
        report_letter(letter, i);
        page_put(p, "<tr><td class=\"l\">%s: %s ", letter, scenario_fault_words[s->faults[i].kind]);
        page_text(p, s->faults[i].scope);
        page_put(p, "</td>");
        for (size_t k = 0; k < shown; k++) {
            const struct course_share *share =
                &c->share[i * files->topo.country_count + column[k].country];
            double lost = share->requests > 0 ? (double)share->lost / (double)share->requests : 0;
            page_put(p, "<td class=\"heat\" data-v=\"%.6g\" style=\"--h:%.3f\">%s</td>", lost,
                     sqrt(lost),
                     share->requests == 0 ? "-"
                     : share->lost == 0   ? "0"
                                          : table_percent(lost, lost < 0.1 ? 2 : 0));
        }
        page_put(p, "</tr>\n");
    }
}

void report_heat(struct page *p, const struct files *files, const struct courses *c)
{
    const struct scenario *s = &files->scenario;
    size_t countries = files->topo.country_count;
    struct column *column = calloc(countries, sizeof column[0]);
    if (column == NULL) {
        p->failed = true;
        return;
    }
    for (size_t k = 0; k < countries; k++) {
        column[k].country = k;
        for (size_t i = 0; i < s->fault_count; i++)
            column[k].lost += c->share[i * countries + k].lost;
    }
    qsort(column, countries, sizeof column[0], by_lost);
    size_t shown = countries < HEAT_COLUMNS ? countries : HEAT_COLUMNS;
    page_put(p, "<div class=\"wide\"><table class=\"sort\"><thead><tr><th class=\"l\">Fault</th>");
    for (size_t k = 0; k < shown; k++)
        page_put(p, "<th>%s</th>", files->topo.countries[column[k].country].name);
    page_put(p, "</tr></thead><tbody>\n");
    put_shares(p, files, c, column, shown);
    free(column);
    page_put(p,
             "</tbody></table></div>\n<p class=\"soft\">%zu replication%s: of the requests that "
             "ended while the fault was on, the share lost; darker is more, - is no request. "
             "Faults that overlap are both counted. %zu of %zu countries, those that lost most "
             "first.</p>\n",
             c->count, c->count == 1 ? "" : "s", shown, countries);
}

/* ---- decisions ---- */

static const char *word_of(uint8_t kind)
{
    switch (kind) {
    case TRACE_EJECT:
        return "server left out";
    case TRACE_TRIAL:
        return "server tried again";
    case TRACE_BACK:
        return "server takes part again";
    case TRACE_SHIFT:
        return "zone taken out";
    case TRACE_RETURN:
        return "zone comes back";
    case TRACE_START:
        return "server started";
    case TRACE_STOP:
        return "server stopped";
    case TRACE_RETIRE:
        return "server retired";
    case TRACE_CHANGE:
        return "new version";
    default:
        return "old version again";
    }
}

static void put_subject(struct page *p, const struct topo *t, const struct course_decision *d)
{
    const struct topo_cell *cell = &t->cells[d->group / t->service_count];
    char text[160];
    int used = snprintf(text, sizeof text, "%s", cell->name);
    if (d->zone < cell->zone_count)
        used += snprintf(text + used, sizeof text - (size_t)used, "/%s", cell->zones[d->zone]);
    bool zone = d->server == WORLD_NONE && d->kind != TRACE_CHANGE && d->kind != TRACE_UNDO;
    if (!zone)
        used += snprintf(text + used, sizeof text - (size_t)used, "/%s",
                         t->services[d->group % t->service_count].name);
    if (d->server != WORLD_NONE)
        snprintf(text + used, sizeof text - (size_t)used, "-%u", d->nth + 1);
    report_cell_text(p, text);
}

static void put_reason(struct page *p, const struct topo *t, const struct course_decision *d)
{
    char text[160];
    if (d->kind == TRACE_EJECT)
        snprintf(text, sizeof text, "%lld failures in a row, or its trial failed",
                 (long long)t->policy.eject_failures);
    else if (d->kind == TRACE_TRIAL)
        snprintf(text, sizeof text, "%.3g s have passed", (double)t->policy.eject_us * 1e-6);
    else if (d->kind == TRACE_BACK)
        snprintf(text, sizeof text, "its trial was answered");
    else
        snprintf(text, sizeof text, "%s", trace_put_control(d->kind));
    report_cell_text(p, text);
}

void report_decisions(struct page *p, const struct files *files, const struct courses *c)
{
    const struct course *first = &c->run[0];
    int64_t all = 0;
    for (int kind = TRACE_EJECT; kind < TRACE_BREAK; kind++)
        all += first->kind[kind];
    page_put(p, "<h3>Decisions</h3>\n");
    if (all == 0) {
        page_put(p, "<p>Door and control decided nothing in the first replication: no server was "
                    "left out, started or stopped.</p>\n");
        return;
    }
    report_table_begin(p, "Second|<Who|<What|<Where|<Why");
    for (size_t i = 0; i < first->decision_count; i++) {
        const struct course_decision *d = &first->decision[i];
        report_row(p);
        report_cell_number(p, (double)d->at_ns * 1e-9, "%.3f", (double)d->at_ns * 1e-9);
        report_cell_text(p, d->kind <= TRACE_BACK ? "door" : "control");
        report_cell_text(p, word_of(d->kind));
        put_subject(p, &files->topo, d);
        put_reason(p, &files->topo, d);
    }
    report_table_rest(p, 5, all - (int64_t)first->decision_count, "decisions of the same kinds");
    char caption[200];
    snprintf(caption, sizeof caption,
             "The first replication alone (n = 1). Besides: %s retries, and %s that the budget "
             "refused.",
             table_count(first->kind[TRACE_RETRY]), table_count(first->kind[TRACE_NO_RETRY]));
    report_table_end(p, caption);
}
