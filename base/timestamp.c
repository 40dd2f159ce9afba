#include "base/timestamp.h"

#include <stdio.h>
#include <string.h>

/* ---- the calendar: eras of 400 years that begin on 1 March (H. Hinnant, chrono-compatible
 * low-level date algorithms) ---- */

int64_t timestamp_days(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void timestamp_date(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

void timestamp_format(char out[TIMESTAMP_TEXT], int64_t clock_s)
{
    int64_t days = clock_s / 86400 - (clock_s % 86400 < 0);
    unsigned minute = (unsigned)((clock_s - days * 86400) / 60);
    int year, month, day;
    timestamp_date(days, &year, &month, &day);
    snprintf(out, TIMESTAMP_TEXT, "%04u-%02u-%02u %02u:%02u", (unsigned)year % 10000,
             (unsigned)month % 100, (unsigned)day % 100, minute / 60 % 24, minute % 60);
}

/* ---- reading: each takes what it can from `*p` on, or says that it cannot ---- */

struct text {
    const char *p, *end;
};

/* A number of `min` to `max` digits. */
static bool digits(struct text *t, int min, int max, int *out)
{
    int n = 0, value = 0;
    while (n < max && t->p < t->end && *t->p >= '0' && *t->p <= '9') {
        value = value * 10 + (*t->p++ - '0');
        n++;
    }
    *out = value;
    return n >= min;
}

static bool letter(struct text *t, char c)
{
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

static bool is_number(const struct text *t)
{
    const char *p = t->p;
    while (p < t->end && *p >= '0' && *p <= '9')
        p++;
    return p - t->p >= 9 && (p == t->end || *p == '.');
}

static void fraction(struct text *t)
{
    if (t->p + 1 < t->end && (*t->p == '.' || *t->p == ',') && t->p[1] >= '0' && t->p[1] <= '9')
        for (t->p++; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++)
            continue;
}

/* Seconds since 1970, or a fraction of them, by the number of digits. */
static bool take_epoch(struct timestamp *out, struct text *t)
{
    uint64_t value = 0;
    int n = 0;
    for (; n < 19 && t->p < t->end && *t->p >= '0' && *t->p <= '9'; n++)
        value = value * 10 + (uint64_t)(*t->p++ - '0');
    fraction(t);
    switch (n) {
    case 9:
    case 10:
        break;
    case 12:
    case 13:
        value /= 1000;
        break;
    case 15:
    case 16:
        value /= 1000000;
        break;
    case 18:
    case 19:
        value /= 1000000000;
        break;
    default:
        return false;
    }
    *out = (struct timestamp){.clock_s = (int64_t)value, .has_zone = true};
    return value < UINT64_C(4102444800); /* 2100 */
}

static bool take_zone(struct timestamp *out, struct text *t)
{
    int hours = 0, minutes = 0;
    while (letter(t, ' '))
        continue;
    if (t->p == t->end)
        return true;
    out->has_zone = true;
    if (letter(t, 'Z') || letter(t, 'z'))
        return true;
    if (t->end - t->p >= 3 && (memcmp(t->p, "UTC", 3) == 0 || memcmp(t->p, "GMT", 3) == 0)) {
        t->p += 3;
        return true;
    }
    bool west = *t->p == '-';
    if (*t->p++ != '+' && !west)
        return false;
    if (!digits(t, 2, 2, &hours))
        return false;
    if (letter(t, ':') || t->p < t->end)
        if (!digits(t, 2, 2, &minutes))
            return false;
    out->offset_s = (hours * 60 + minutes) * (west ? -60 : 60);
    return hours <= 18 && minutes < 60;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* A date in one of its two orders. The separator is the same both times. */
static enum timestamp_end take_date(struct text *t, bool month_first, int64_t *days)
{
    int first, month, last, year, day;
    const char *begin = t->p;
    if (!digits(t, 1, 4, &first) || t->p == t->end)
        return TIMESTAMP_BAD;
    bool year_first = t->p - begin == 4;
    char between = *t->p;
    if ((between != '-' && between != '/' && between != '.') || (between == '-' && !year_first) ||
        (!year_first && t->p - begin > 2))
        return TIMESTAMP_BAD;
    if (!letter(t, between) || !digits(t, 1, 2, &month) || !letter(t, between))
        return TIMESTAMP_BAD;
    if (!digits(t, year_first ? 1 : 4, year_first ? 2 : 4, &last))
        return TIMESTAMP_BAD;
    year = year_first ? first : last;
    day = year_first ? last : first;
    if (month_first && !year_first) {
        day = month;
        month = first;
    }
    if (month > 12 && month <= 31 && day >= 1 && day <= 12)
        return TIMESTAMP_MONTH;
    if (year < 1970 || year > 2099 || month < 1 || month > 12 || day < 1 ||
        day > days_of(year, month))
        return TIMESTAMP_BAD;
    *days = timestamp_days(year, month, day);
    return TIMESTAMP_OK;
}

enum timestamp_end timestamp_parse(struct timestamp *out, const char *text, size_t len,
                                   bool month_first)
{
    struct text t = {text, text + len};
    struct timestamp got = {0};
    int64_t days;
    int hour, minute, second = 0;
    while (letter(&t, ' '))
        continue;
    while (t.end > t.p && t.end[-1] == ' ')
        t.end--;
    if (is_number(&t)) {
        if (!take_epoch(&got, &t) || t.p != t.end)
            return TIMESTAMP_BAD;
        *out = got;
        return TIMESTAMP_OK;
    }
    enum timestamp_end date = take_date(&t, month_first, &days);
    if (date != TIMESTAMP_OK)
        return date;
    if (t.p == t.end)
        return TIMESTAMP_DAY;
    if (!letter(&t, 'T') && !letter(&t, 't') && !letter(&t, ' '))
        return TIMESTAMP_BAD;
    if (!digits(&t, 1, 2, &hour) || !letter(&t, ':') || !digits(&t, 2, 2, &minute))
        return TIMESTAMP_BAD;
    if (letter(&t, ':')) {
        if (!digits(&t, 2, 2, &second))
            return TIMESTAMP_BAD;
        fraction(&t);
    }
    if (hour > 23 || minute > 59 || second > 60)
        return TIMESTAMP_BAD;
    got.clock_s = days * 86400 + hour * 3600 + minute * 60 + (second > 59 ? 59 : second);
    if (!take_zone(&got, &t) || t.p != t.end)
        return TIMESTAMP_BAD;
    *out = got;
    return TIMESTAMP_OK;
}
