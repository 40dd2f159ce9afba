#include "simulator/tables.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum { NAME_BYTES = 96 };

struct validate_table *tables_begin(struct tables *t, const char *word, const char *title,
                                    const char *source)
{
    if (t->failed || (t->only != NULL && strncmp(word, t->only, strlen(t->only)) != 0))
        return NULL;
    assert(t->table_count < TABLES_MAX);
    struct validate_table *table = &t->table[t->table_count];
    *table = (struct validate_table){.word = word, .title = title, .source = source};
    table->rows = arena_alloc(t->a, TABLES_ROWS_MAX, sizeof table->rows[0]);
    if (table->rows == NULL) {
        t->failed = true;
        return NULL;
    }
    t->table_count++;
    return table;
}

static const char *name_of(struct tables *t, const char *format, va_list args)
{
    char name[NAME_BYTES];
    vsnprintf(name, sizeof name, format, args);
    const char *kept = arena_string(t->a, name, strlen(name));
    t->failed = t->failed || kept == NULL;
    return kept == NULL ? "" : kept;
}

struct validate_row *tables_row(struct tables *t, double published, double digit, double exact,
                                const char *format, ...)
{
    const double none = (double)NAN;
    struct validate_table *table = &t->table[t->table_count - 1];
    assert(table->row_count < TABLES_ROWS_MAX);
    struct validate_row *row = &table->rows[table->row_count++];
    *row = (struct validate_row){
        .published = published,
        .exact = exact,
        .simulated = none,
        .half_width = none,
        .plain = none,
        .plain_half_width = none,
        .expected = (isnan(exact) ? published : exact) * t->distortion,
    };
    va_list args;
    va_start(args, format);
    row->name = name_of(t, format, args);
    va_end(args);
    if (fabs(published - exact) > digit * (1 + 1e-9)) { /* not when there is one alone */
        row->verdict = VALIDATE_MISSES;
        row->note = "what is published is not exact";
    }
    return row;
}

void tables_measure(struct tables *t, struct subject *s, int measure, struct validate_row *row,
                    double percent, double of)
{
    assert(measure < SUBJECT_MEASURES);
    s->row[measure] = row;
    row->base = of;
    s->width[measure] = percent / 100 * t->within * fabs(of);
    if (s->measures <= measure)
        s->measures = measure + 1;
}

void tables_simulate(struct tables *t, const struct subject *s, const char *format, ...)
{
    assert(t->subject_count < TABLES_SUBJECTS_MAX);
    struct subject *kept = &t->subject[t->subject_count++];
    *kept = *s;
    va_list args;
    va_start(args, format);
    kept->name = name_of(t, format, args);
    va_end(args);
}

void tables_exact_only(struct validate_row *row, const char *why)
{
    if (row->verdict == VALIDATE_MISSES)
        return;
    row->verdict = VALIDATE_EXACT;
    row->note = why;
}
