#include "base/demand.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/demand_close.h"
#include "base/demand_names.h"
#include "base/demand_where.h"
#include "base/error.h"
#include "base/timestamp.h"

enum { BUFFER = 1 << 18, QUOTE = 40 };

static const uint64_t COUNT_MAX =
    UINT64_C(1000000000000000); /* 10^15: sums stay exact in doubles */

const char *const demand_reason_words[] = {
    [DEMAND_FIELDS] = "fewer fields than the header",
    [DEMAND_TIME] = "a time that cannot be read",
    [DEMAND_DAY] = "a date without a time of day",
    [DEMAND_ZONE] = "a time zone by name; give offsets as +01:00, or times in UTC",
    [DEMAND_MONTH] = "a month over 12; --demand-month-first turns day and month round",
    [DEMAND_COUNTRY] = "unknown country",
    [DEMAND_CLOCK] = "a country whose local clock is not known",
    [DEMAND_COUNT] = "a count that is no whole number",
    [DEMAND_NEGATIVE] = "a negative count",
};

/* ---- sentences ---- */

/* Printable, cut, with \xNN by error_set where that is needed. */
static void example_of(const struct csv_field *f, char *out, size_t size)
{
    csv_copy(f, out, size);
}

static int refuse(const struct demand *d, enum error_code code, struct error *err,
                  const char *sentence)
{
    return error_set(err, code, "%s:%lld: %s", d->opts.name, (long long)d->csv.line, sentence);
}

static void leave_out(struct demand *d, enum demand_reason why, const struct csv_field *f)
{
    struct demand_left *left = &d->left[why];
    if (left->rows < DEMAND_LINES)
        left->line[left->rows] = d->csv.line;
    if (left->rows++ == 0 && f != NULL)
        example_of(f, left->example, sizeof left->example);
}

/* ---- the header ---- */

/* The columns of the file, for who must choose among them. */
static void list_columns(const struct csv *csv, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < csv->count && used + QUOTE + 8 < size; i++) {
        char name[QUOTE];
        example_of(&csv->field[i], name, sizeof name);
        size_t len = strlen(name), comma = i == 0 ? 0 : 2;
        memcpy(out + used, ", ", comma);
        memcpy(out + used + comma, name, len + 1);
        used += comma + len;
    }
}

static size_t column_named(const struct csv *csv, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < csv->count; i++)
        if (csv->field[i].len == len && memcmp(csv->field[i].text, name, len) == 0)
            return i;
    return SIZE_MAX;
}

static int find_column(struct demand *d, size_t *out, const char *given, enum demand_column what,
                       struct error *err)
{
    static const struct {
        const char *words, *option;
    } columns[] = {{"the time", "--demand-time"},
                   {"the country", "--demand-country"},
                   {"the count", "--demand-count"}};
    char list[240];
    *out = given != NULL ? column_named(&d->csv, given) : demand_names_column(&d->csv, what);
    if (*out != SIZE_MAX || (given == NULL && what == DEMAND_COLUMN_COUNT))
        return 0;
    list_columns(&d->csv, list, sizeof list);
    if (given != NULL)
        return error_set(err, ERR_MISSING, "%s:%lld: no column \"%s\" (%s); there are %s",
                         d->opts.name, (long long)d->csv.line, given, columns[what].option, list);
    return error_set(err, ERR_MISSING,
                     "%s:%lld: no column is called like %s; %s COLUMN says which one it is of %s",
                     d->opts.name, (long long)d->csv.line, columns[what].words,
                     columns[what].option, list);
}

static int take_where(struct demand *d, struct error *err)
{
    for (size_t i = 0; i < d->where_count; i++) {
        struct demand_where *w = &d->where[i];
        w->column = column_named(&d->csv, w->name);
        if (w->column == SIZE_MAX) {
            char list[240];
            list_columns(&d->csv, list, sizeof list);
            return error_set(err, ERR_MISSING,
                             "%s:%lld: no column \"%s\" (--demand-where); there "
                             "are %s",
                             d->opts.name, (long long)d->csv.line, w->name, list);
        }
        if (w->column >= d->columns)
            d->columns = w->column + 1;
    }
    return 0;
}

static int take_header(struct demand *d, struct error *err)
{
    if (find_column(d, &d->time, d->opts.time, DEMAND_COLUMN_TIME, err) != 0 ||
        find_column(d, &d->country, d->opts.country, DEMAND_COLUMN_COUNTRY, err) != 0 ||
        find_column(d, &d->counts, d->opts.count, DEMAND_COLUMN_COUNT, err) != 0)
        return -1;
    csv_copy(&d->csv.field[d->time], d->time_name, sizeof d->time_name);
    csv_copy(&d->csv.field[d->country], d->country_name, sizeof d->country_name);
    d->columns = (d->time > d->country ? d->time : d->country) + 1;
    if (d->counts != SIZE_MAX) {
        csv_copy(&d->csv.field[d->counts], d->count_name, sizeof d->count_name);
        d->columns = d->counts >= d->columns ? d->counts + 1 : d->columns;
    }
    d->header = true;
    return take_where(d, err);
}

/* ---- a row ---- */

static struct demand_place *place_of(struct demand *d, const char *code, int country,
                                     struct error *err)
{
    for (size_t i = 0; i < d->place_count; i++)
        if (memcmp(d->place[i].code, code, 2) == 0)
            return &d->place[i];
    assert(d->place_count < DEMAND_PLACES_MAX);
    struct demand_place *p = &d->place[d->place_count];
    p->week = arena_alloc(d->arena, TOPO_SLOTS, sizeof p->week[0]);
    p->page = arena_alloc(d->arena, DEMAND_PAGES, sizeof(uint64_t *));
    if (p->week == NULL || p->page == NULL) {
        error_memory(err);
        return NULL;
    }
    memcpy(p->code, code, 2);
    if (country >= 0) {
        p->country = true;
        p->has_offset = d->names->country[country].has_utc_offset;
        p->offset_min = d->names->country[country].utc_offset_min;
    }
    d->place_count++;
    return p;
}

/* The place of a row; NULL with `*end` 1 when it has none, or -1 with `err` set. */
static struct demand_place *take_country(struct demand *d, int *end, struct error *err)
{
    const struct csv_field *f = &d->csv.field[d->country];
    const char *text = f->text;
    size_t len = f->len;
    while (len > 0 && text[len - 1] == ' ')
        len--;
    for (; len > 0 && *text == ' '; len--)
        text++;
    int country = demand_names_find(d->names, text, len);
    if (country < 0 && !demand_names_no_country(text, len)) {
        leave_out(d, DEMAND_COUNTRY, f);
        *end = 1;
        return NULL;
    }
    char code[3] = {0};
    if (country >= 0)
        memcpy(code, d->names->country[country].code, 2);
    else
        for (int i = 0; i < 2; i++)
            code[i] = (char)(text[i] & ~0x20);
    struct demand_place *p = place_of(d, code, country, err);
    if (p == NULL)
        *end = -1;
    return p;
}

static int mixed(const struct demand *d, struct error *err)
{
    return error_set(
        err, ERR_CONFLICT,
        "%s:%lld: a time %s zone, while that of line %lld has %s; --demand-zone UTC or "
        "local says what the ones without mean",
        d->opts.name, (long long)d->csv.line, d->zone_line == d->csv.line ? "with a" : "without a",
        (long long)(d->zone_line == d->csv.line ? d->no_zone_line : d->zone_line),
        d->zone_line == d->csv.line ? "none" : "one");
}

/* The moment of a row, in seconds since 1970, UTC. 0, 1 when it has none, or -1 with `err` set. */
static int take_time(struct demand *d, const struct demand_place *place, int64_t *utc_s,
                     int64_t *clock_s, struct error *err)
{
    static const enum demand_reason why[] = {[TIMESTAMP_BAD] = DEMAND_TIME,
                                             [TIMESTAMP_DAY] = DEMAND_DAY,
                                             [TIMESTAMP_ZONE] = DEMAND_ZONE,
                                             [TIMESTAMP_MONTH] = DEMAND_MONTH};
    struct timestamp t;
    const struct csv_field *f = &d->csv.field[d->time];
    enum timestamp_end end = timestamp_parse(&t, f->text, f->len, d->opts.month_first);
    if (end != TIMESTAMP_OK) {
        leave_out(d, why[end], f);
        return 1;
    }
    int64_t *first = t.has_zone ? &d->zone_line : &d->no_zone_line;
    if (*first == 0) {
        *first = d->csv.line;
        if (d->opts.zone == DEMAND_ZONE_NONE && d->zone_line > 0 && d->no_zone_line > 0)
            return mixed(d, err);
    }
    *clock_s = t.clock_s;
    *utc_s = t.clock_s - (t.has_zone ? t.offset_s : 0);
    if (!t.has_zone && d->opts.zone == DEMAND_ZONE_LOCAL) {
        if (!place->has_offset) {
            leave_out(d, DEMAND_CLOCK, &d->csv.field[d->country]);
            return 1;
        }
        *utc_s -= (int64_t)place->offset_min * 60;
    }
    if (*utc_s < 0) {
        leave_out(d, DEMAND_TIME, f);
        return 1;
    }
    return 0;
}

/* "12", and "12.000" as well: tables of sums are often written so. */
static int take_count(struct demand *d, uint64_t *count)
{
    *count = 1;
    if (d->counts == SIZE_MAX)
        return 0;
    struct csv_field f = d->csv.field[d->counts];
    int64_t value;
    while (f.len > 0 && f.text[f.len - 1] == ' ')
        f.len--;
    for (; f.len > 0 && f.text[0] == ' '; f.len--)
        f.text++;
    const char *point = memchr(f.text, '.', f.len);
    if (point != NULL) {
        size_t whole = (size_t)(point - f.text), zeros = f.len - whole - 1;
        while (zeros > 0 && f.text[whole + zeros] == '0')
            zeros--;
        if (zeros == 0)
            f.len = whole;
    }
    if (!csv_i64(&f, &value) || value > 1000000000000) {
        leave_out(d, DEMAND_COUNT, &d->csv.field[d->counts]);
        return 1;
    }
    if (value < 0) {
        leave_out(d, DEMAND_NEGATIVE, &d->csv.field[d->counts]);
        return 1;
    }
    *count = (uint64_t)value;
    return 0;
}

static int add(struct demand *d, struct demand_place *place, int64_t utc_s, uint64_t count,
               struct error *err)
{
    int64_t hour = utc_s / 3600;
    uint64_t **page = &place->page[hour / DEMAND_PAGE_HOURS];
    assert(hour / DEMAND_PAGE_HOURS < DEMAND_PAGES);
    if (*page == NULL) {
        if (d->pages == DEMAND_PAGES_MAX)
            return refuse(d, ERR_LIMIT, err,
                          "the rows of all countries span too many months to be held; give fewer "
                          "years");
        *page = arena_alloc(d->arena, DEMAND_PAGE_HOURS, sizeof(*page)[0]);
        if (*page == NULL)
            return error_memory(err);
        d->pages++;
    }
    (*page)[hour % DEMAND_PAGE_HOURS] += count;
    /* 1970 began on a Thursday. */
    place->week[(utc_s / 60 + 3 * 1440) % (7 * 1440) / TOPO_SLOT_MIN] += count;
    place->count += count;
    d->count += count;
    if (d->used++ == 0 || hour < d->hour_first)
        d->hour_first = hour;
    if (hour > d->hour_last)
        d->hour_last = hour;
    if (d->count > COUNT_MAX)
        return refuse(d, ERR_LIMIT, err, "more than 10^15 requests in all");
    return 0;
}

static int take_row(struct demand *d, struct error *err)
{
    int64_t utc_s = 0, clock_s = 0;
    uint64_t count;
    int end = 0;
    d->rows++;
    if (d->csv.count < d->columns) {
        leave_out(d, DEMAND_FIELDS, &d->csv.field[0]);
        return 0;
    }
    if (!demand_where_met(d->where, d->where_count, &d->csv)) {
        d->not_meant++;
        return 0;
    }
    struct demand_place *place = take_country(d, &end, err);
    if (place == NULL)
        return end < 0 ? -1 : 0;
    end = take_time(d, place, &utc_s, &clock_s, err);
    if (end == 0)
        end = take_count(d, &count);
    if (end != 0)
        return end < 0 ? -1 : 0;
    d->minutes = d->minutes || clock_s % 3600 >= 60;
    d->days_only = d->days_only && clock_s % 86400 == 0;
    return add(d, place, utc_s, count, err);
}

/* ---- the file ---- */

int demand_init(struct demand *d, const struct demand_opts *opts, struct arena *a,
                struct error *err)
{
    *d = (struct demand){.opts = *opts, .arena = a, .days_only = true};
    if (opts->where != NULL && demand_where_parse(d->where, &d->where_count, opts->where, err) != 0)
        return -1;
    d->place = arena_alloc(a, DEMAND_PLACES_MAX, sizeof d->place[0]);
    d->buffer = arena_alloc(a, BUFFER, 1);
    d->names = demand_names_new(a);
    if (d->place == NULL || d->buffer == NULL || d->names == NULL)
        return error_memory(err);
    d->csv = csv_of(d->buffer, 0);
    return 0;
}

char *demand_room(struct demand *d, size_t *room)
{
    *room = BUFFER - d->kept;
    return d->buffer + d->kept;
}

/* What begins like no table. */
static int check_kind(struct demand *d, size_t len, struct error *err)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *sentence;
    } kinds[] = {
        {"PK\3\4", 4, "is a zip or a workbook, not CSV; save the sheet as CSV"},
        {"\x1f\x8b", 2, "is compressed twice"},
        {"\xff\xfe", 2, "is UTF-16; save it as UTF-8"},
        {"\xfe\xff", 2, "is UTF-16; save it as UTF-8"},
        {"%PDF", 4, "is a PDF, not CSV"},
        {"SQLite format 3", 15, "is a database, not CSV; export the table as CSV"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (len >= kinds[i].len && memcmp(d->buffer, kinds[i].bytes, kinds[i].len) == 0)
            return error_set(err, ERR_TYPE, "%s: %s", d->opts.name, kinds[i].sentence);
    if (len >= 3 && memcmp(d->buffer, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
        d->csv.at += 3;
    d->csv.delimiter = csv_delimiter(d->csv.at, (size_t)(d->csv.end - d->csv.at));
    d->delimiter = d->csv.delimiter;
    return 0;
}

static int64_t lines_in(const char *text, const char *end)
{
    int64_t lines = 0;
    while ((text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
        lines++;
        text++;
    }
    return lines;
}

static int take_rows(struct demand *d, struct error *err)
{
    for (;;) {
        switch (csv_row(&d->csv)) {
        case CSV_NONE:
            return 0;
        case CSV_MORE:
            if (d->csv.at == d->buffer && d->csv.end == d->buffer + BUFFER)
                return refuse(d, ERR_LIMIT, err,
                              "a row of more than 256 KiB; is a quote opened and never closed?");
            return 0;
        case CSV_QUOTE:
            return refuse(d, ERR_SYNTAX, err,
                          "a quoted field does not end, or something stands behind its quote");
        case CSV_FIELDS:
            return refuse(d, ERR_LIMIT, err, "more than 256 fields");
        case CSV_ROW:
            if ((d->header ? take_row : take_header)(d, err) != 0)
                return -1;
        }
    }
}

int demand_take(struct demand *d, size_t len, struct error *err)
{
    const char *bytes = d->buffer + d->kept;
    size_t held = d->kept + len;
    d->csv.at = d->buffer;
    d->csv.end = d->buffer + held;
    d->csv.last = len == 0;
    const char *nul = len == 0 ? NULL : memchr(bytes, '\0', len);
    if (!d->begun) {
        bool line = memchr(d->buffer, '\n', held) != NULL || len == 0 || held == BUFFER;
        d->kept = held;
        if (!line && nul == NULL)
            return 0;
        d->begun = true;
        if (check_kind(d, held, err) != 0)
            return -1;
    }
    if (nul != NULL)
        return error_set(err, ERR_TYPE, "%s:%lld: a NUL byte: is it a text at all?", d->opts.name,
                         (long long)(d->csv.line_next + lines_in(d->buffer, nul)));
    if (take_rows(d, err) != 0)
        return -1;
    d->kept = (size_t)(d->csv.end - d->csv.at);
    memmove(d->buffer, d->csv.at, d->kept);
    return len > 0 ? 0 : demand_close(d, err);
}
