#include "region/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_scan.h"

/* ---- the path ---- */

/* Copy what stands up to the next '/', '?' or the end. False when it does not fit or is empty. */
static bool take_segment(char *out, size_t size, const char **at)
{
    size_t len = strcspn(*at, "/?");
    if (len == 0 || len >= size)
        return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len;
    return true;
}

static bool is_country(const char *text)
{
    return text[0] >= 'a' && text[0] <= 'z' && text[1] >= 'a' && text[1] <= 'z' && text[2] == '\0';
}

static bool parse_path(struct target *t, const char **at)
{
    char first[TARGET_NAME_TEXT];
    if (*(*at)++ != '/' || !take_segment(first, sizeof first, at))
        return false;
    if (**at != '/') { /* "/health" */
        memcpy(t->name, first, sizeof first);
        return !is_country(first);
    }
    ++*at;
    if (!is_country(first) || !take_segment(t->name, sizeof t->name, at))
        return false;
    memcpy(t->country, first, sizeof t->country);
    if (**at != '/')
        return true;
    ++*at;
    return take_segment(t->id, sizeof t->id, at) && **at != '/';
}

/* ---- parameters ---- */

static int hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Decode a value of `len` bytes: %xx, and '+' for a space. */
static int take_value(char *out, size_t size, const char *name, const char *text, size_t len,
                      struct error *err)
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            int high = i + 2 < len ? hex(text[i + 1]) : -1, low = high < 0 ? -1 : hex(text[i + 2]);
            if (low < 0)
                return error_set(err, ERR_SYNTAX, "%s: %% stands before two hex digits", name);
            c = (char)(high << 4 | low);
            i += 2;
        }
        if ((unsigned char)c < ' ' || c == 0x7f)
            return error_set(err, ERR_SYNTAX, "%s: a control character", name);
        if (used + 1 >= size)
            return error_set(err, ERR_LIMIT, "%s: expected at most %zu bytes", name, size - 1);
        out[used++] = c;
    }
    out[used] = '\0';
    for (size_t i = 0, n; i < used; i += n)
        if ((n = json_scan_utf8(out + i, used - i)) == 0)
            return error_set(err, ERR_SYNTAX, "%s: not UTF-8", name);
    return used > 0 ? 0 : error_set(err, ERR_MISSING, "%s: expected a value", name);
}

static int take_limit(int64_t *out, const char *text, struct error *err)
{
    size_t digits = strspn(text, "0123456789");
    long limit = digits > 0 && digits < 10 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;
    if (limit < 1 || limit > TARGET_LIMIT_MAX)
        return error_set(err, ERR_RANGE, "limit: expected 1..%d", TARGET_LIMIT_MAX);
    *out = limit;
    return 0;
}

static int parse_parameter(struct target *t, const char *text, size_t len, struct error *err)
{
    char limit[16] = "";
    const struct {
        const char *name;
        char *out;
        size_t size;
    } rows[] = {
        {"after", t->after, sizeof t->after},
        {"customer", t->customer, sizeof t->customer},
        {"limit", limit, sizeof limit},
        {"q", t->words, sizeof t->words},
    };
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals == NULL ? len : (size_t)(equals - text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strlen(rows[i].name) != name_len || memcmp(rows[i].name, text, name_len) != 0)
            continue;
        if (rows[i].out[0] != '\0')
            return error_set(err, ERR_DUPLICATE, "%s: given twice", rows[i].name);
        if (equals == NULL)
            return error_set(err, ERR_MISSING, "%s: expected a value", rows[i].name);
        if (take_value(rows[i].out, rows[i].size, rows[i].name, equals + 1, len - name_len - 1,
                       err) != 0)
            return -1;
        return limit[0] == '\0' ? 0 : take_limit(&t->limit, limit, err);
    }
    return error_set(err, ERR_RANGE, "%.*s: no such parameter; after, customer, limit and q are",
                     (int)(name_len < 40 ? name_len : 40), text);
}

static int parse_query(struct target *t, const char *text, struct error *err)
{
    t->plain = *text == '\0';
    while (*text != '\0') {
        size_t len = strcspn(text, "&");
        if (parse_parameter(t, text, len, err) != 0)
            return -1;
        text += len;
        if (*text == '&' && *++text == '\0')
            return error_set(err, ERR_SYNTAX, "parameters end with &");
    }
    if (t->limit == 0)
        t->limit = TARGET_LIMIT_PRESET;
    return 0;
}

int target_parse(struct target *out, const char *text, struct error *err)
{
    struct target t = {0};
    if (!parse_path(&t, &text) || (*text != '\0' && *text != '?'))
        return error_set(err, ERR_UNKNOWN, "there is nothing at this path");
    if (parse_query(&t, text + (*text == '?'), err) != 0)
        return -1;
    *out = t;
    return 0;
}

/* ---- headers ---- */

/* Lists of tags with commas between them; tags hold no quotes inside. Weak comparison (RFC 9110,
 * section 13.1.2), for which W/ does not matter. */
bool target_names_etag(const char *header, const char *etag)
{
    size_t len = strlen(etag);
    for (const char *at = header;;) {
        at += strspn(at, " \t,");
        if (*at == '*')
            return true;
        if (at[0] == 'W' && at[1] == '/')
            at += 2;
        const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
        if (end == NULL)
            return false;
        if ((size_t)(end + 1 - at) == len && memcmp(at, etag, len) == 0)
            return true;
        at = end + 1;
    }
}

bool target_is_json(const char *header)
{
    static const char json[] = "application/json";
    size_t i = 0;
    for (; json[i] != '\0'; i++) {
        char c = header[i] >= 'A' && header[i] <= 'Z' ? (char)(header[i] | 0x20) : header[i];
        if (c != json[i])
            return false;
    }
    i += strspn(header + i, " \t");
    return header[i] == '\0' || header[i] == ';';
}

/* A dictionary of RFC 8941: members with commas between them, of which the last of a name counts;
 * a member's parameters stand behind semicolons. */
bool target_is_background(const char *header)
{
    bool background = false;
    for (const char *at = header;;) {
        at += strspn(at, " \t,");
        size_t len = strcspn(at, " \t,;");
        if (len == 0)
            return background;
        if (len >= 2 && at[0] == 'u' && (at[1] == '=' || at[1] == ';'))
            background = len == 3 && at[2] == '7';
        at += strcspn(at, ",");
    }
}
