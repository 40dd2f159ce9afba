#include "commands/csv_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_scan.h"
#include "commands/files.h"

int csv_file_refuse(const struct csv_file *c, struct error *err, const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, ERR_SYNTAX, "%s:%lld: %s", c->path, (long long)c->csv.line, text);
}

static int check_field(const struct csv_file *c, const struct csv_field *f, struct error *err)
{
    for (size_t i = 0, n; i < f->len; i += n) {
        if ((unsigned char)f->text[i] < ' ' || f->text[i] == 0x7f)
            return csv_file_refuse(c, err, "a control character (\\x%02x)",
                                   (unsigned char)f->text[i]);
        if (f->text[i] == '"')
            return csv_file_refuse(c, err, "a quote: fields are not quoted here");
        n = json_scan_utf8(f->text + i, f->len - i);
        if (n == 0)
            return csv_file_refuse(c, err, "not UTF-8");
    }
    return 0;
}

int csv_file_open(struct csv_file *c, const char *path, const char *header, struct arena *a,
                  struct error *err)
{
    const char *text;
    size_t len;
    if (files_read(&text, &len, path, a, err) != 0)
        return -1;
    char *own = arena_string(a, text, len); /* with a NUL behind */
    if (own == NULL)
        return error_memory(err);
    struct csv names = csv_of(header, strlen(header));
    csv_row(&names);
    *c = (struct csv_file){
        .path = path, .text = own, .columns = names.count, .csv = csv_of(own, len)};
    c->csv.quote = '\0';
    bool same = csv_row(&c->csv) == CSV_ROW && c->csv.count == names.count;
    for (size_t i = 0; same && i < names.count; i++)
        same = c->csv.field[i].len == names.field[i].len &&
               memcmp(c->csv.field[i].text, names.field[i].text, names.field[i].len) == 0;
    if (!same) {
        c->csv.line = 1;
        return csv_file_refuse(c, err, "expected the header \"%s\"", header);
    }
    return 0;
}

int csv_file_next(struct csv_file *c, const char **field, struct error *err)
{
    enum csv_end got = csv_row(&c->csv);
    if (got == CSV_NONE)
        return 0;
    for (size_t i = 0; i < c->csv.count; i++)
        if (check_field(c, &c->csv.field[i], err) != 0)
            return -1;
    if (got != CSV_ROW || c->csv.count != c->columns)
        return csv_file_refuse(c, err, "expected %zu fields, got %zu%s", c->columns, c->csv.count,
                               got == CSV_ROW ? "" : " and more");
    for (size_t i = 0; i < c->columns; i++) {
        field[i] = c->csv.field[i].text;
        c->text[(field[i] - c->text) + (ptrdiff_t)c->csv.field[i].len] = '\0';
    }
    return 1;
}

int csv_file_i64(const struct csv_file *c, int64_t *out, const char *field, int64_t low,
                 int64_t high, struct error *err)
{
    const struct csv_field f = {.text = field, .len = strlen(field)};
    int64_t value;
    if (!csv_i64(&f, &value) || value < low || value > high)
        return csv_file_refuse(c, err, "expected a whole number in %lld..%lld, got \"%.40s\"",
                               (long long)low, (long long)high, field);
    *out = value;
    return 0;
}
