#include "base/duration.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { QUOTE_BYTES = 40 };

static const struct unit {
    char name[3];
    int64_t us;
} units[] = {
    {"d", INT64_C(86400000000)}, {"h", INT64_C(3600000000)}, {"m", INT64_C(60000000)},
    {"s", INT64_C(1000000)},     {"ms", INT64_C(1000)},      {"us", INT64_C(1)},
};
enum { UNIT_COUNT = sizeof units / sizeof units[0], UNIT_SECOND = 3 };

static int fail(struct error *err, enum error_code code, const char *text, const char *what)
{
    size_t len = strnlen(text, QUOTE_BYTES + 1);
    bool cut = len > QUOTE_BYTES;
    if (cut)
        len = QUOTE_BYTES;
    while (cut && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return error_set(err, code, "\"%.*s%s\" %s", (int)len, text, cut ? "..." : "", what);
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits behind a decimal point as the fraction over/under, in lowest terms. NULL when it has
 * more digits than a whole number of microseconds can: a day is 2^13 of them times an odd number,
 * so the 13th decimal of a day is the last that can matter. */
static const char *read_fraction(const char *at, int64_t *over, int64_t *under)
{
    const char *end = at;
    while (is_digit(*end))
        end++;
    const char *last = end;
    while (last > at && last[-1] == '0')
        last--;
    if (last - at > 13)
        return NULL;
    *over = 0;
    *under = 1;
    for (; at < last; at++) {
        *over = *over * 10 + (*at - '0');
        *under *= 10;
    }
    int64_t divisor = common_divisor(*under, *over);
    *over /= divisor;
    *under /= divisor;
    return end;
}

/* The unit that `at` starts with; UNIT_COUNT for none. Its letters end at `*end`. */
static size_t read_unit(const char *at, const char **end)
{
    *end = at;
    while ((**end >= 'a' && **end <= 'z') || (**end >= 'A' && **end <= 'Z'))
        ++*end;
    size_t len = (size_t)(*end - at);
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (strlen(units[i].name) == len && memcmp(units[i].name, at, len) == 0)
            return i;
    return UNIT_COUNT;
}

int duration_parse(int64_t *us, const char *text, struct error *err)
{
    static const char form[] = "is not a duration such as \"250ms\" or \"1h30m\"";
    static const char long_words[] = "is longer than 292,000 years";
    const char *at = text;
    int64_t sum = 0;
    size_t unit_min = 0; /* the larger come first */
    if (strcmp(text, "0") == 0) {
        *us = 0;
        return 0;
    }
    do {
        int64_t whole = 0;
        int64_t over = 0;
        int64_t under = 1;
        if (!is_digit(*at))
            return fail(err, ERR_SYNTAX, text, form);
        for (; is_digit(*at); at++)
            if (__builtin_mul_overflow(whole, 10, &whole) ||
                __builtin_add_overflow(whole, *at - '0', &whole))
                return fail(err, ERR_RANGE, text, long_words);
        if (*at == '.') {
            if (!is_digit(at[1]))
                return fail(err, ERR_SYNTAX, text, form);
            at = read_fraction(at + 1, &over, &under);
            if (at == NULL)
                return fail(err, ERR_RANGE, text, "is not a whole number of microseconds");
        }
        size_t unit = read_unit(at, &at);
        if (unit == UNIT_COUNT)
            return fail(err, ERR_SYNTAX, text, "needs a unit out of us, ms, s, m, h, d");
        if (unit < unit_min)
            return fail(err, ERR_SYNTAX, text, "needs its larger units first, each once");
        unit_min = unit + 1;
        if (units[unit].us % under != 0)
            return fail(err, ERR_RANGE, text, "is not a whole number of microseconds");
        if (__builtin_mul_overflow(whole, units[unit].us, &whole) ||
            __builtin_add_overflow(sum, whole, &sum) ||
            __builtin_add_overflow(sum, over * (units[unit].us / under), &sum))
            return fail(err, ERR_RANGE, text, long_words);
    } while (*at != '\0');
    *us = sum;
    return 0;
}

void duration_format(char out[DURATION_TEXT_MAX], int64_t us)
{
    assert(us >= 0);
    size_t used = 0;
    int64_t rest = us;
    out[0] = '\0';
    if (us == 0)
        snprintf(out, DURATION_TEXT_MAX, "0s");
    for (size_t i = 0; i < UNIT_COUNT && rest > 0; i++) {
        bool divides = rest % units[i].us == 0;
        /* Below two minutes it is one number, "90s"; so is what is left below a second. */
        bool split = us >= 2 * INT64_C(60000000) && i <= UNIT_SECOND;
        int64_t count = rest / units[i].us;
        if (count == 0 || (!divides && !split))
            continue;
        used += (size_t)snprintf(out + used, DURATION_TEXT_MAX - used, "%" PRId64 "%s", count,
                                 units[i].name);
        rest -= count * units[i].us;
    }
}
