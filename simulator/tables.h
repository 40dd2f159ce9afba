/* tables.h - the rows of validate, and what simulates them. Only validate.c includes this. */
#ifndef SIMULATOR_TABLES_H
#define SIMULATOR_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "simulator/subject.h"
#include "simulator/validate.h"

struct arena;

enum { TABLES_MAX = 16, TABLES_ROWS_MAX = 128, TABLES_SUBJECTS_MAX = 256 };

struct tables {
    struct arena *a;
    const char *only;
    double within;                /* percent */
    double distortion;            /* of what is expected */
    struct validate_table *table; /* [TABLES_MAX] */
    size_t table_count;
    struct subject *subject; /* [TABLES_SUBJECTS_MAX] */
    size_t subject_count;
    bool failed; /* memory is out */
};

/* Begin a table; NULL when it is not asked for, or memory is out. */
struct validate_table *tables_begin(struct tables *t, const char *word, const char *title,
                                    const char *source);

/* Add a row to the last table. `published` is exact within `digit`; either may be NaN. Never NULL:
 * when memory is out it is a row that is not shown. */
struct validate_row *tables_row(struct tables *t, double published, double digit, double exact,
                                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Have a measure of the subject simulate a row, to `percent` / 100 of `of` times what --within
 * says. */
void tables_measure(struct tables *t, struct subject *s, int measure, struct validate_row *row,
                    double percent, double of);

/* Take what `s` describes: its name is made by `format`. */
void tables_simulate(struct tables *t, const struct subject *s, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Why a row is not simulated. */
void tables_exact_only(struct validate_row *row, const char *why);

/* The tables. */
void tables_choices(struct tables *t);
void tables_shortest(struct tables *t);
void tables_servers(struct tables *t);
void tables_general(struct tables *t);
void tables_tail(struct tables *t);
void tables_shuffle(struct tables *t);
void tables_availability(struct tables *t);
void tables_rules(struct tables *t);
void tables_hedging(struct tables *t);
void tables_throttling(struct tables *t);
void tables_model(struct tables *t);

#endif
