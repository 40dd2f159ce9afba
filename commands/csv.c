#include "commands/csv.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_scan.h"
#include "commands/files.h"

int csv_refuse(const struct csv *c, struct error *err, const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, ERR_SYNTAX, "%s:%zu: %s", c->path, c->line, text);
}

static int check_text(const struct csv *c, const char *text, size_t len, struct error *err)
{
    for (size_t i = 0, n; i < len; i += n) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return csv_refuse(c, err, "a control character (\\x%02x)", (unsigned char)text[i]);
        if (text[i] == '"')
            return csv_refuse(c, err, "a quote: fields are not quoted here");
        n = json_scan_utf8(text + i, len - i);
        if (n == 0)
            return csv_refuse(c, err, "not UTF-8");
    }
    return 0;
}

/* Cut out the next line. NULL at the end; an error leaves `err` set and returns NULL, too. */
static char *take_line(struct csv *c, int *status, struct error *err)
{
    *status = 0;
    if (c->at == c->end)
        return NULL;
    char *line = c->at, *newline = memchr(line, '\n', (size_t)(c->end - line));
    c->line++;
    size_t len = (size_t)((newline == NULL ? c->end : newline) - line);
    if (check_text(c, line, len, err) != 0) {
        *status = -1;
        return NULL;
    }
    line[len] = '\0'; /* there is room behind the last one, too */
    c->at = newline == NULL ? c->end : newline + 1;
    *status = 1;
    return line;
}

static size_t count_columns(const char *line)
{
    size_t count = 1;
    for (; *line != '\0'; line++)
        count += *line == ',';
    return count;
}

int csv_open(struct csv *c, const char *path, const char *header, struct arena *a,
             struct error *err)
{
    const char *text;
    size_t len;
    int status;
    if (files_read(&text, &len, path, a, err) != 0)
        return -1;
    char *own = arena_string(a, text, len);
    if (own == NULL)
        return error_memory(err);
    *c = (struct csv){.path = path, .at = own, .end = own + len, .columns = count_columns(header)};
    assert(c->columns <= CSV_FIELDS_MAX);
    const char *first = take_line(c, &status, err);
    if (status < 0)
        return -1;
    if (first == NULL || strcmp(first, header) != 0) {
        c->line = 1;
        return csv_refuse(c, err, "expected the header \"%s\"", header);
    }
    return 0;
}

int csv_next(struct csv *c, const char **field, struct error *err)
{
    int status;
    char *line = take_line(c, &status, err);
    if (status <= 0)
        return status;
    size_t count = count_columns(line);
    if (count != c->columns)
        return csv_refuse(c, err, "expected %zu fields, got %zu", c->columns, count);
    for (size_t i = 0; i < count; i++) {
        field[i] = line;
        line += strcspn(line, ",");
        *line++ = '\0';
    }
    return 1;
}

int csv_i64(const struct csv *c, int64_t *out, const char *field, int64_t low, int64_t high,
            struct error *err)
{
    char *end;
    errno = 0;
    long long value = strtoll(field, &end, 10);
    size_t digits = strspn(field + (field[0] == '-'), "0123456789");
    if (errno != 0 || digits == 0 || *end != '\0' || value < low || value > high)
        return csv_refuse(c, err, "expected a whole number in %lld..%lld, got \"%.40s\"",
                          (long long)low, (long long)high, field);
    *out = value;
    return 0;
}
