/* report_parts.h - what all reports are made of: the frame, tables, charts, the map, the terms. */
#ifndef COMMANDS_REPORT_PARTS_H
#define COMMANDS_REPORT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "commands/page.h"

struct capacity_plan;
struct files;
struct run_measure;
struct topo;

struct report_info {                           /* where a report is from */
    const char *command;                       /* as it was typed */
    const char *name;                          /* of the scenario or topology */
    const char *about;                         /* what its author says; may be NULL */
    const char *scenario_path, *scenario_text; /* NULL: there is none */
    size_t scenario_len;
    const char *topology_path, *topology_text;
    size_t topology_len;
};

/* Everything up to the verdict. */
void report_head(struct page *p, const char *kind, const struct report_info *info);

/* What meets `total` expectations but for `failed` of them; `sentence` is HTML. */
void report_verdict(struct page *p, bool pass, const char *word, const char *sentence);

/* The inputs, the terms, the scripts, and the end. */
void report_foot(struct page *p, const struct report_info *info);

/* ---- numbers in a row of boxes ---- */

void report_numbers_begin(struct page *p);
void report_number(struct page *p, const char *name, const char *small, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void report_numbers_end(struct page *p);

/* ---- tables: titles as those of commands/table.h, '<' aligns to the left ---- */

void report_table_begin(struct page *p, const char *titles);
void report_row(struct page *p); /* begins one, and ends the one before */
void report_cell(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_cell_text(struct page *p, const char *text); /* to the left, what others wrote */
/* A number, as it is shown; it sorts by `value`. */
void report_cell_number(struct page *p, double value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The rows that are not shown as one, "950 more" and what they are, before the end; nothing where
 * there are none. It stays last when the table is sorted. */
void report_table_rest(struct page *p, size_t columns, int64_t count, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void report_table_end(struct page *p, const char *caption);

/* ---- charts: report.js draws what stands in the figure as JSON ---- */

/* Up to the series: `{"x":...,"y":...,"series":[`. `kind` is of axes in report.js. */
void report_chart_begin(struct page *p, const char *title, const char *x_kind, const char *x_title,
                        const char *y_title, bool y_log);
/* A series up to its points, with further JSON members in `more` ("\"thick\":4,"); one after
 * another. */
void report_series_begin(struct page *p, const char *name, const char *more);
void report_point(struct page *p, double x, double y); /* y NaN: a gap */
void report_series_end(struct page *p, const char *more);
/* Behind the series: bands, marks or nothing as JSON members, each with a comma before it. */
void report_chart_more(struct page *p);
void report_chart_end(struct page *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Horizontal bars up to the labels: `{"kind":"bars","x":...,"labels":[`. */
void report_bars_begin(struct page *p, const char *title, const char *x_title);

/* ---- sections of several reports ---- */

/* Demand and capacity of the cells by hour. `load`: demand times that. */
void report_capacity(struct page *p, const struct topo *topo, const struct capacity_plan *plan,
                     double load);

/* Countries, regions and cells. */
void report_map(struct page *p, const struct topo *topo, const struct capacity_plan *plan);

/* "12.3 s (10 .. 14)", "0.48 ms": seconds in the unit that fits, and a range unless that is NaN. */
enum { REPORT_SECONDS = 96 };
void report_seconds(char out[REPORT_SECONDS], double s, double low, double high);

/* "12.3 .. 14.5 ms", "12.3 ms", "-": an interval where there is one. */
enum { REPORT_RANGE = 96 };
void report_range(char out[REPORT_RANGE], const struct run_measure *m, double scale,
                  const char *format);

#endif
