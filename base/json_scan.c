#include "base/json_scan.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

struct scan {
    const char *text;
    size_t len;
    size_t at;
    size_t value_count;
    struct error *err;
};

size_t json_scan_utf8(const char *text, size_t len)
{
    /* The second byte's range is what keeps out overlong forms, surrogates and the far end. */
    static const struct {
        unsigned char lead_min, lead_max, next_min, next_max, bytes;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *byte = (const unsigned char *)text;
    for (size_t i = 0; len > 0 && i < sizeof forms / sizeof forms[0]; i++) {
        size_t bytes = forms[i].bytes;
        if (byte[0] < forms[i].lead_min || byte[0] > forms[i].lead_max)
            continue;
        if (bytes > len)
            return 0;
        if (bytes > 1 && (byte[1] < forms[i].next_min || byte[1] > forms[i].next_max))
            return 0;
        for (size_t k = 2; k < bytes; k++)
            if ((byte[k] & 0xc0) != 0x80)
                return 0;
        return bytes;
    }
    return 0;
}

/* What stands at the scan's place, in words. */
static void describe(const struct scan *s, char out[32])
{
    unsigned char c = s->at < s->len ? (unsigned char)s->text[s->at] : 0;
    size_t bytes = json_scan_utf8(s->text + s->at, s->len - s->at);
    if (s->at == s->len)
        snprintf(out, 32, "the end");
    else if (bytes == 0)
        snprintf(out, 32, "bytes that are not UTF-8");
    else if (c < 0x20 || c == 0x7f)
        snprintf(out, 32, "control character 0x%02x", c);
    else
        snprintf(out, 32, "'%.*s'", (int)bytes, s->text + s->at);
}

static int fail_at(const struct scan *s, size_t at, enum error_code code, const char *what)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < at; i++) {
        if (s->text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)s->text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    return error_set(s->err, code, "line %zu, column %zu: %s", line, column, what);
}

static int fail(const struct scan *s, const char *what)
{
    return fail_at(s, s->at, ERR_SYNTAX, what);
}

static int expected(const struct scan *s, const char *what)
{
    char got[32];
    char text[96];
    describe(s, got);
    snprintf(text, sizeof text, "expected %s, got %s", what, got);
    return fail(s, text);
}

static void skip_space(struct scan *s)
{
    while (s->at < s->len && s->text[s->at] != '\0' && strchr(" \t\n\r", s->text[s->at]) != NULL)
        s->at++;
}

static bool take(struct scan *s, char c)
{
    if (s->at == s->len || s->text[s->at] != c)
        return false;
    s->at++;
    return true;
}

/* The four digits after "\u", or -1. */
static int hex4(const struct scan *s, size_t at)
{
    int value = 0;
    for (size_t i = at; i < at + 4; i++) {
        char c = i < s->len ? s->text[i] : ' ';
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value * 16 + ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return value;
}

/* At the backslash. */
static int scan_escape(struct scan *s)
{
    char c = s->at + 1 < s->len ? s->text[s->at + 1] : '\0';
    if (c != 'u') {
        if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
            return fail(s,
                        "unknown escape in a string; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t "
                        "and \\u with four digits");
        s->at += 2;
        return 0;
    }
    int unit = hex4(s, s->at + 2);
    if (unit < 0)
        return fail(s, "\\u needs four hexadecimal digits");
    if (unit == 0)
        return fail(s, "\\u0000 is not allowed");
    bool high = unit >= 0xd800 && unit <= 0xdbff;
    bool low = unit >= 0xdc00 && unit <= 0xdfff;
    if (high && s->len - s->at >= 12 && memcmp(s->text + s->at + 6, "\\u", 2) == 0) {
        int next = hex4(s, s->at + 8);
        high = next < 0xdc00 || next > 0xdfff;
        s->at += high ? 0 : 6;
    }
    if (high || low)
        return fail(s, "half of a surrogate pair");
    s->at += 6;
    return 0;
}

/* Behind the opening quote. */
static int scan_string(struct scan *s)
{
    size_t start = s->at - 1;
    while (s->at < s->len) {
        unsigned char c = (unsigned char)s->text[s->at];
        if (take(s, '"'))
            return 0;
        if (c == '\n' || c == '\r')
            return fail_at(s, start, ERR_SYNTAX, "this string does not end on its line");
        if (c < 0x20) {
            char text[64];
            snprintf(text, sizeof text, "control character 0x%02x in a string", c);
            return fail(s, text);
        }
        if (c == '\\') {
            if (scan_escape(s) != 0)
                return -1;
            continue;
        }
        size_t bytes = json_scan_utf8(s->text + s->at, s->len - s->at);
        if (bytes == 0)
            return fail(s, "bytes that are not UTF-8 in a string");
        s->at += bytes;
    }
    return fail_at(s, start, ERR_SYNTAX, "this string does not end");
}

static size_t take_digits(struct scan *s)
{
    size_t start = s->at;
    while (s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9')
        s->at++;
    return s->at - start;
}

static int scan_number(struct scan *s)
{
    size_t start = s->at;
    (void)take(s, '-');
    size_t whole = s->at;
    size_t digits = take_digits(s);
    if (digits == 0)
        return expected(s, "a digit");
    if (digits > 1 && s->text[whole] == '0')
        return fail_at(s, whole, ERR_SYNTAX, "a number must not start with a needless 0");
    if (take(s, '.') && take_digits(s) == 0)
        return expected(s, "a digit");
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '-'))
            (void)take(s, '+');
        if (take_digits(s) == 0)
            return expected(s, "a digit");
    }
    if (s->at - start > JSON_NUMBER_MAX)
        return fail_at(s, start, ERR_LIMIT, "a number of more than 60 characters");
    return 0;
}

static int scan_value(struct scan *s, int depth);

/* Behind the opening brace or bracket, which is container number `depth` from the outside. */
static int scan_items(struct scan *s, int depth, bool object)
{
    char close = object ? '}' : ']';
    if (depth > JSON_DEPTH_MAX)
        return fail_at(s, s->at - 1, ERR_LIMIT, "nested deeper than 32 levels");
    skip_space(s);
    if (take(s, close))
        return 0;
    for (;;) {
        skip_space(s);
        if (object) {
            if (!take(s, '"'))
                return expected(s, "a key in quotes");
            if (scan_string(s) != 0)
                return -1;
            skip_space(s);
            if (!take(s, ':'))
                return expected(s, "':'");
        }
        if (scan_value(s, depth) != 0)
            return -1;
        skip_space(s);
        if (take(s, close))
            return 0;
        if (!take(s, ','))
            return expected(s, object ? "',' or '}'" : "',' or ']'");
    }
}

static int scan_value(struct scan *s, int depth)
{
    static const char *const literals[] = {"true", "false", "null"};
    skip_space(s);
    if (++s->value_count > JSON_VALUES_MAX)
        return fail_at(s, s->at, ERR_LIMIT, "more than 2097152 values");
    if (take(s, '"'))
        return scan_string(s);
    if (take(s, '{'))
        return scan_items(s, depth + 1, true);
    if (take(s, '['))
        return scan_items(s, depth + 1, false);
    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
        size_t n = strlen(literals[i]);
        if (s->len - s->at >= n && memcmp(s->text + s->at, literals[i], n) == 0) {
            s->at += n;
            return 0;
        }
    }
    char c = s->at < s->len ? s->text[s->at] : ' ';
    if (c != '-' && (c < '0' || c > '9'))
        return expected(s, "a value");
    return scan_number(s);
}

int json_scan(const char *text, size_t len, struct error *err)
{
    struct scan s = {.text = text, .len = len, .err = err};
    if (len > JSON_BYTES_MAX)
        return error_set(err, ERR_LIMIT, "more than %d bytes of text", JSON_BYTES_MAX);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return fail(&s, "a byte order mark; save the text without one");
    if (scan_value(&s, 0) != 0)
        return -1;
    skip_space(&s);
    if (s.at < s.len)
        return expected(&s, "nothing more");
    return 0;
}
