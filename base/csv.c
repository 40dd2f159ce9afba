#include "base/csv.h"

#include <string.h>

struct csv csv_of(const char *text, size_t len)
{
    struct csv c = {.at = text,
                    .end = text + len,
                    .last = true,
                    .delimiter = ',',
                    .quote = '"',
                    .line_next = 1};
    return c;
}

/* A quoted field from behind its quote at `*at`, which ends up behind the closing one. */
static enum csv_end take_quoted(struct csv *c, struct csv_field *f, const char **at, int64_t *lines)
{
    const char *p = *at;
    *f = (struct csv_field){.text = p};
    for (;; p++) {
        const char *quote = p < c->end ? memchr(p, c->quote, (size_t)(c->end - p)) : NULL;
        for (const char *s = p; (s = memchr(s, '\n', (size_t)((quote ? quote : c->end) - s))); s++)
            ++*lines;
        if (quote == NULL || (quote + 1 == c->end && !c->last))
            return c->last ? CSV_QUOTE : CSV_MORE;
        p = quote + 1;
        if (p == c->end || *p != c->quote) {
            f->len = (size_t)(quote - f->text);
            *at = p;
            return CSV_ROW;
        }
        f->doubled = true;
    }
}

static const char *skip_empty(struct csv *c)
{
    const char *p = c->at;
    while (p < c->end) {
        if (*p == '\r' && (p + 1 == c->end ? c->last : p[1] == '\n'))
            p++;
        else if (*p != '\n')
            break;
        if (p < c->end && *p == '\n') {
            p++;
            c->line_next++;
        }
    }
    return c->at = p;
}

enum csv_end csv_row(struct csv *c)
{
    const char *p = skip_empty(c), *end = c->end;
    const char delimiter = c->delimiter, quote = c->quote;
    int64_t lines = 0;
    c->count = 0;
    c->line = c->line_next;
    if (p == end)
        return c->last ? CSV_NONE : CSV_MORE;
    for (;;) {
        if (c->count == CSV_FIELDS_MAX)
            return CSV_FIELDS;
        struct csv_field *f = &c->field[c->count++];
        bool quoted = quote != '\0' && p < end && *p == quote;
        if (quoted) {
            p++;
            enum csv_end got = take_quoted(c, f, &p, &lines);
            if (got != CSV_ROW)
                return got;
        } else {
            const char *begin = p;
            while (p < end && *p != delimiter && *p != '\n')
                p++;
            *f = (struct csv_field){.text = begin, .len = (size_t)(p - begin)};
        }
        if (p < end && *p == delimiter) {
            p++;
            continue;
        }
        if (quoted && p < end && *p == '\r')
            p++;
        if (p == end && !c->last)
            return CSV_MORE;
        if (p < end && *p != '\n')
            return CSV_QUOTE;
        if (!quoted && f->len > 0 && f->text[f->len - 1] == '\r')
            f->len--;
        c->at = p < end ? p + 1 : end;
        c->line_next += lines + 1;
        return CSV_ROW;
    }
}

char csv_delimiter(const char *text, size_t len)
{
    static const char known[] = {',', ';', '\t'};
    size_t count[3] = {0}, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < len && text[i] != '\n'; i++) {
        quoted ^= text[i] == '"';
        for (size_t k = 0; k < 3 && !quoted; k++)
            count[k] += text[i] == known[k];
    }
    for (size_t k = 1; k < 3; k++)
        if (count[k] > count[best])
            best = k;
    return known[best];
}

void csv_copy(const struct csv_field *field, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < field->len && n + 1 < size; i++) {
        out[n++] = field->text[i];
        i += field->doubled && field->text[i] == '"';
    }
    out[n] = '\0';
}

bool csv_i64(const struct csv_field *field, int64_t *out)
{
    size_t minus = field->len > 0 && field->text[0] == '-';
    int64_t value = 0;
    if (field->len == minus || field->len - minus > 18)
        return false;
    for (size_t i = minus; i < field->len; i++) {
        if (field->text[i] < '0' || field->text[i] > '9')
            return false;
        value = value * 10 + (field->text[i] - '0');
    }
    *out = minus ? -value : value;
    return true;
}
