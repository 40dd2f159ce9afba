/* The first lines: is a customer hurt, how many, and why. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "control/dash/panel.h"

enum { NAMES_MAX = 3, HEIGHT_OF_FACTS = 16, SENTENCE_MAX = 640 };

struct summary {
    size_t by_health[STATUS_IDLE + 1];
    size_t countries, touched, failing, unknown; /* countries, by what their cells are */
    const struct status_cell *slowest;
};

static void sum_up(struct summary *sum, const struct dash *d, const struct dash_now *now)
{
    *sum = (struct summary){0};
    for (size_t i = 0; i < d->count; i++) {
        const struct status_cell *cell = panel_cell_at(d, i);
        int health = panel_health(d, now, cell->health);
        sum->by_health[health]++;
        sum->countries += cell->country_count;
        if (health == STATUS_UNKNOWN)
            sum->unknown += cell->country_count;
        else if (panel_mark(health) != ' ')
            sum->touched += cell->country_count;
        if (health == STATUS_DOWN || health == STATUS_FAILING)
            sum->failing += cell->country_count;
        if (cell->p99_ms >= 0 && cell->rps > 0 &&
            (sum->slowest == NULL || cell->p99_ms > sum->slowest->p99_ms))
            sum->slowest = cell;
    }
}

/* ---- the banner ---- */

static bool control_is_down(const struct dash *d)
{
    return d->failure.code == ERR_MISSING;
}

static int64_t down_ms(const struct dash *d, const struct dash_now *now)
{
    return now->ms - (d->status != NULL ? d->taken.ms : d->failed.ms);
}

/* What is drawn at the right, the more of it the wider. Returns where it begins. */
static int banner_right(const struct dash *d, const struct dash_now *now, struct grid *g)
{
    char control[64] = "", data[64] = "", text[200];
    int style = control_is_down(d) ? GRID_BAD : GRID_PLAIN;
    bool wide = g->width >= 90;
    if (control_is_down(d))
        snprintf(control, sizeof control, "CONTROL DOWN %s", say_since(down_ms(d, now)).text);
    else if (d->status != NULL && g->width >= 60)
        snprintf(control, sizeof control, "control up%s%s", g->width >= 100 ? " " : "",
                 g->width >= 100 ? say_since(d->status->uptime_ms).text : "");
    if (d->status != NULL && !(control_is_down(d) && g->width < 60))
        snprintf(data, sizeof data, "%sdata %s old", control[0] != '\0' ? grid_between(g) : "",
                 say_since(panel_age_ms(d, now)).text);
    bool middle = control[0] != '\0' || data[0] != '\0';
    snprintf(text, sizeof text, "%s%s%s%s%s", control, data, middle ? grid_between(g) : "",
             say_clock(now->unix_s).text, wide ? " UTC" : "");
    int at = g->width - grid_columns(text) - 1;
    int end = grid_text(g, 0, at, g->width, style, control);
    style = panel_stale(d, now) ? GRID_UNSURE : panel_late(d, now) ? GRID_WARN : GRID_PLAIN;
    if (data[0] != '\0')
        end = grid_text(g, 0, end, g->width, style, data);
    grid_text(g, 0, end, g->width - end, GRID_PLAIN, text + strlen(control) + strlen(data));
    return at;
}

static void banner(const struct dash *d, const struct dash_now *now, struct grid *g)
{
    const struct status_cell *cell = panel_selected(d);
    int end = banner_right(d, now, g) - 2;
    const char *topology = d->status == NULL ? "" : d->status->topology;
    struct line l = line_at(g, 0, 1, end - 1);
    int room = end - 1 - grid_columns(topology) - (int)strlen("LIVE ");
    if (room >= (int)strlen("bulkhead top | world | "))
        line_add(&l, GRID_STRONG, "bulkhead top");
    if (d->view == DASH_CELL && cell != NULL)
        line_add(&l, GRID_STRONG, "world > %s", cell->name);
    else if (room >= (int)strlen("world | "))
        line_add(&l, GRID_STRONG, "world");
    if (d->status == NULL)
        line_add(&l, GRID_STRONG, "no data yet");
    else if (d->frozen)
        line_add(&l, GRID_STRONG | GRID_REVERSE, "FROZEN at %s",
                 say_clock(d->frozen_at.unix_s).text);
    else
        line_add(&l, GRID_STRONG, "LIVE %s", topology);
    if (d->frozen)
        line_add(&l, GRID_PLAIN, "%s", topology);
}

/* ---- line 2: is a customer hurt, how many ---- */

/* The cells of a health or two: "de, it and 3 more". */
static void names_of(char *out, size_t size, const struct dash *d, int health, int or_health)
{
    size_t used = 0, found = 0;
    out[0] = '\0';
    for (size_t i = 0; i < d->count; i++) {
        const struct status_cell *cell = panel_cell_at(d, i);
        if (cell->health != health && cell->health != or_health)
            continue;
        if (found < NAMES_MAX && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", found == 0 ? "" : ", ",
                                     cell->name);
        found++;
    }
    if (found > NAMES_MAX && used < size)
        snprintf(out + used, size - used, " and %zu more", found - NAMES_MAX);
}

static void add_lost(struct line *l, const struct status *s)
{
    if (!line_add(l, GRID_PLAIN, "%s of %s requests lost", say_count(s->lost).text,
                  say_count(s->requests).text))
        line_add(l, GRID_PLAIN, "%s lost", say_count(s->lost).text);
}

static void answer(const struct dash *d, const struct dash_now *now, struct grid *g,
                   const struct summary *sum)
{
    const struct status *s = d->status;
    struct line l = line_at(g, 1, 1, g->width - 1);
    char names[160];
    if (panel_stale(d, now)) {
        line_add(&l, GRID_UNSURE, "? customers NOT KNOWN for %s",
                 say_since(panel_age_ms(d, now)).text);
        add_lost(&l, s);
        return;
    }
    if (sum->by_health[STATUS_DOWN] + sum->by_health[STATUS_FAILING] > 0) {
        names_of(names, sizeof names, d, STATUS_DOWN, STATUS_FAILING);
        line_add(&l, GRID_BAD, "X customers HURT in %s", names);
        if (s->rps * s->errors > 0)
            line_add(&l, GRID_BAD, "%s of %s req/s fail", say_rate(s->rps * s->errors).text,
                     say_rate(s->rps).text);
        add_lost(&l, s);
        return;
    } else if (s->errors > 0) {
        line_add(&l, GRID_WARN, "! customers: %s %% of requests fail",
                 say_percent(s->errors, s->rps).text);
    } else if (sum->by_health[STATUS_UNKNOWN] > 0) {
        names_of(names, sizeof names, d, STATUS_UNKNOWN, STATUS_UNKNOWN);
        line_add(&l, GRID_UNSURE, "? customers NOT KNOWN in %s", names);
    } else if (!(s->rps >= 0)) {
        line_add(&l, GRID_UNSURE, "? customers NOT KNOWN yet");
    } else if (s->rps == 0) {
        line_add(&l, GRID_STRONG, "customers: none is asking");
    } else {
        line_add(&l, GRID_STRONG, "customers NOT HURT");
    }
    add_lost(&l, s);
    if (s->rps > 0)
        line_add(&l, GRID_PLAIN, "%s req/s", say_rate(s->rps).text);
    if (s->rps > 0)
        line_add(&l, GRID_PLAIN, "err %s %%", say_percent(s->errors, s->rps).text);
    if (sum->slowest != NULL)
        line_add(&l, GRID_PLAIN, "worst p99 %s in %s",
                 say_p99(sum->slowest->p99_ms, sum->slowest->rps).text, sum->slowest->name);
}

/* ---- line 3: why ---- */

/* The fault that is on at a cell or at one of its zones, that of the zone first. */
static const struct status_fault *fault_at(const struct status *s, const char *cell,
                                           const char *zone)
{
    const struct status_fault *found = NULL;
    size_t len = strlen(cell);
    for (size_t i = 0; i < s->fault_count; i++) {
        const char *scope = s->faults[i].scope;
        if (strncmp(scope, cell, len) != 0 || (scope[len] != '\0' && scope[len] != '/'))
            continue;
        if (zone != NULL && scope[len] == '/' && strcmp(scope + len + 1, zone) == 0)
            return &s->faults[i];
        if (found == NULL && (zone == NULL || scope[len] == '\0'))
            found = &s->faults[i];
    }
    return found;
}

/* What it is and when it ends, where `why` does not name it already. */
static void fault_text(char *out, size_t size, const struct status_fault *f, const char *why)
{
    char name[96];
    snprintf(name, sizeof name, "fault %s", say_count(f->id).text);
    const char *named = strstr(why, name);
    bool is_named = named != NULL && strchr("0123456789,", named[strlen(name)]) == NULL;
    snprintf(out, size, "%s%s %s", why[0] == '\0' || is_named ? "" : "; ", is_named ? "" : name,
             is_named ? "" : f->kind);
    if (is_named || named != NULL)
        out[0] = '\0';
    size_t used = strlen(out);
    if (f->ends_in_ms >= 0)
        snprintf(out + used, size - used, "%sends in %s", used + strlen(why) > 0 ? ", " : "",
                 say_since(f->ends_in_ms).text);
    else
        snprintf(out + used, size - used, "%suntil healed", used + strlen(why) > 0 ? ", " : "");
}

/* One sentence about the cell with the most trouble. */
static int trouble(char *out, size_t size, const struct dash *d, const struct dash_now *now)
{
    const struct status_cell *cell = panel_cell_at(d, 0);
    const struct status_zone *zone = panel_only_zone(cell);
    const char *why = zone != NULL && zone->why[0] != '\0' ? zone->why : cell->why;
    const struct status_fault *f =
        fault_at(d->status, cell->name, zone == NULL ? NULL : zone->name);
    char health[64], fault[160] = "";
    panel_health_text(health, sizeof health, d, now, zone == NULL ? cell->health : zone->health,
                      zone == NULL ? cell->since_ms : zone->since_ms);
    if (f != NULL)
        fault_text(fault, sizeof fault, f, why);
    snprintf(out, size, "%c %s%s%s %s%s%s%s", panel_mark(cell->health), cell->name,
             zone == NULL ? "" : "/", zone == NULL ? "" : zone->name, health,
             why[0] == '\0' && fault[0] == '\0' ? "" : ": ", why, fault);
    return panel_style(cell->health);
}

static int reason(char *out, size_t size, const struct dash *d, const struct dash_now *now)
{
    const struct status *s = d->status;
    if (control_is_down(d)) {
        snprintf(out, size, "X CONTROL DOWN %s, cells serve; last seen %s",
                 say_since(down_ms(d, now)).text, say_clock(d->taken.unix_s).text);
        return GRID_BAD;
    }
    if (d->failure.code != ERR_NONE && panel_late(d, now)) {
        snprintf(out, size, "? control does not answer well for %s: %s",
                 say_since(panel_age_ms(d, now)).text, d->failure.text);
        return panel_stale(d, now) ? GRID_UNSURE : GRID_WARN;
    }
    if (d->count > 0 && panel_mark(panel_cell_at(d, 0)->health) != ' ')
        return trouble(out, size, d, now);
    if (s->fault_count > 0) {
        char fault[160];
        fault_text(fault, sizeof fault, &s->faults[0], "");
        snprintf(out, size, "! %s at %s; it is not felt", fault, s->faults[0].scope);
        return GRID_WARN;
    }
    snprintf(out, size, "%s",
             d->count == 0 ? "no cells" : "no trouble: every cell has all it needs");
    return GRID_PLAIN;
}

/* A sentence in one row, or two where it is too long for a narrow one. Returns the rows. */
static int wrap(struct grid *g, int row, int style, char *text)
{
    int width = g->width - 2;
    if (grid_columns(text) <= width || g->width >= 80) {
        grid_text(g, row, 1, width, style, text);
        return 1;
    }
    char *cut = NULL;
    for (char *at = text; (at = strchr(at, ' ')) != NULL; at++) {
        *at = '\0';
        if (grid_columns(text) <= width)
            cut = at;
        *at = ' ';
    }
    if (cut == NULL)
        cut = text + strlen(text);
    bool more = *cut != '\0';
    *cut = '\0';
    grid_text(g, row, 1, width, style, text);
    if (more)
        grid_text(g, row + 1, 3, width - 2, style, cut + 1);
    return 2;
}

/* ---- line 4: how many ---- */

static void facts(const struct dash *d, struct grid *g, int row, const struct summary *sum)
{
    struct line l = line_at(g, row, 1, g->width - 1);
    char text[160];
    size_t used = 0;
    for (int h = STATUS_DOWN; h <= STATUS_IDLE; h++)
        if (sum->by_health[h] > 0)
            used +=
                (size_t)snprintf(text + used, sizeof text - used, "%s%zu %s", used == 0 ? "" : ", ",
                                 sum->by_health[h], status_health_words[h]);
    text[used] = '\0';
    line_add(&l, GRID_PLAIN, "%zu cell%s: %s", d->count, d->count == 1 ? "" : "s", text);
    if (sum->unknown > 0)
        line_add(&l, GRID_UNSURE, "%zu of %zu countries not known", sum->unknown, sum->countries);
    if (sum->unknown < sum->countries)
        line_add(&l, GRID_PLAIN, "%zu of %zu countries touched, %zu failing", sum->touched,
                 sum->countries, sum->failing);
    line_add(&l, GRID_PLAIN, "%zu fault%s", d->status->fault_count,
             d->status->fault_count == 1 ? "" : "s");
    if (d->status->door_pid > 0)
        line_add(&l, GRID_PLAIN, "door on :%lld, pid %lld", (long long)d->status->port,
                 (long long)d->status->door_pid);
}

int panel_head(const struct dash *d, const struct dash_now *now, struct grid *g)
{
    struct summary sum;
    char text[SENTENCE_MAX];
    banner(d, now, g);
    if (d->status == NULL) {
        if (d->failure.code != ERR_NONE)
            grid_text(g, 1, 1, g->width - 2, GRID_BAD, d->failure.text);
        return 2;
    }
    sum_up(&sum, d, now);
    answer(d, now, g, &sum);
    int style = reason(text, sizeof text, d, now);
    int rows = 2 + wrap(g, 2, style, text);
    if ((g->height < HEIGHT_OF_FACTS && !d->bare) || d->view == DASH_CELL)
        return rows;
    facts(d, g, rows, &sum);
    return rows + 1;
}
