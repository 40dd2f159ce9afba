#include "base/demand_where.h"

#include <string.h>

#include "base/error.h"

/* A decimal number with a point, without strtod: it would read the locale's. */
static bool number_of(const char *text, size_t len, double *out)
{
    double value = 0, scale = 1;
    size_t i = len > 0 && text[0] == '-', digits = 0;
    bool point = false;
    for (; i < len; i++) {
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9')
            return false;
        digits++;
        value = value * 10 + (text[i] - '0');
        scale = point ? scale * 10 : scale;
    }
    *out = text[0] == '-' ? -value / scale : value / scale;
    return digits > 0 && digits < 300;
}

static int parse_one(struct demand_where *w, const char *text, size_t len, struct error *err)
{
    size_t name = 0;
    while (name < len && strchr("=!<>", text[name]) == NULL)
        name++;
    size_t op = name;
    while (op < len && op - name < 2 && strchr("=!<>", text[op]) != NULL)
        op++;
    size_t value = len - op;
    bool known = false;
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="};
    *w = (struct demand_where){.name = ""};
    memcpy(w->op, text + name, op - name);
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        known = known || strcmp(w->op, ops[i]) == 0;
    if (!known || name == 0 || name >= sizeof w->name || value >= sizeof w->value)
        return error_set(err, ERR_SYNTAX,
                         "--demand-where: expected conditions as kind=sale,units>0, got \"%.*s\"",
                         (int)(len < 80 ? len : 80), text);
    memcpy(w->name, text, name);
    memcpy(w->value, text + op, value);
    bool ordered = w->op[0] == '<' || w->op[0] == '>';
    if (ordered && !number_of(w->value, value, &w->number))
        return error_set(err, ERR_SYNTAX, "--demand-where: %s%s wants a number, got \"%s\"",
                         w->name, w->op, w->value);
    return 0;
}

int demand_where_parse(struct demand_where where[DEMAND_WHERE_MAX], size_t *count, const char *text,
                       struct error *err)
{
    *count = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        if (*count == DEMAND_WHERE_MAX)
            return error_set(err, ERR_LIMIT, "--demand-where: at most %d conditions",
                             DEMAND_WHERE_MAX);
        if (parse_one(&where[*count], text, len, err) != 0)
            return -1;
        ++*count;
        if (text[len] == '\0')
            return 0;
        text += len + 1;
    }
}

static bool met(const struct demand_where *w, const struct csv_field *f)
{
    double number;
    if (w->op[0] == '=' || w->op[0] == '!') {
        char text[sizeof w->value + 1]; /* one more, so that a longer field differs */
        csv_copy(f, text, sizeof text);
        return (strcmp(text, w->value) == 0) == (w->op[0] == '=');
    }
    if (!number_of(f->text, f->len, &number))
        return false;
    bool equal = w->op[1] == '=' && number == w->number;
    return equal || (w->op[0] == '<' ? number < w->number : number > w->number);
}

bool demand_where_met(const struct demand_where *where, size_t count, const struct csv *row)
{
    for (size_t i = 0; i < count; i++)
        if (!met(&where[i], &row->field[where[i].column]))
            return false;
    return true;
}
