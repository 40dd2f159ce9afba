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

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The letters that come next, in small; the length of those that fit. */
static size_t peek_word(const struct text *t, char out[16])
{
    size_t n = 0;
    for (; n < 15 && t->p + n < t->end && is_letter(t->p[n]); n++)
        out[n] = (char)(t->p[n] | 0x20);
    out[n] = '\0';
    return n;
}

/* Which of some names, of `count`, the next word is: whole, or its first three letters. -1: none,
 * and nothing is taken. */
static int name_of(struct text *t, const char *const *names, int count)
{
    char word[16];
    size_t n = peek_word(t, word);
    for (int i = 0; n >= 3 && i < count; i++)
        if (strncmp(names[i], word, n) == 0 && (n == 3 || names[i][n] == '\0')) {
            t->p += n;
            return i;
        }
    return -1;
}

static void blanks(struct text *t)
{
    while (letter(t, ' '))
        continue;
}

/* "CET" behind "+0100", "(CET)", "[Europe/Paris]": the offset has said it all. */
static void skip_zone_name(struct text *t)
{
    blanks(t);
    char close = letter(t, '(') ? ')' : letter(t, '[') ? ']' : '\0';
    while (t->p < t->end && (is_letter(*t->p) || (close != '\0' && *t->p != close)))
        t->p++;
    if (close != '\0')
        letter(t, close);
}

static enum timestamp_end take_zone(struct timestamp *out, struct text *t)
{
    int hours = 0, minutes = 0;
    char word[16];
    blanks(t);
    if (t->p == t->end)
        return TIMESTAMP_OK;
    out->has_zone = true;
    size_t n = peek_word(t, word);
    if (n > 0 && strcmp(word, "z") != 0 && strcmp(word, "utc") != 0 && strcmp(word, "gmt") != 0)
        return TIMESTAMP_ZONE;
    t->p += n;
    if (n > 0)
        return TIMESTAMP_OK;
    bool west = *t->p == '-';
    if (*t->p++ != '+' && !west)
        return TIMESTAMP_BAD;
    if (!digits(t, 2, 2, &hours))
        return TIMESTAMP_BAD;
    if (letter(t, ':') || (t->p < t->end && *t->p >= '0' && *t->p <= '9'))
        if (!digits(t, 2, 2, &minutes))
            return TIMESTAMP_BAD;
    skip_zone_name(t);
    out->offset_s = (hours * 60 + minutes) * (west ? -60 : 60);
    return hours <= 18 && minutes < 60 ? TIMESTAMP_OK : TIMESTAMP_BAD;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static enum timestamp_end date_of(int year, int month, int day, int64_t *days)
{
    if (year < 1970 || year > 2099 || month < 1 || month > 12 || day < 1 ||
        day > days_of(year, month))
        return TIMESTAMP_BAD;
    *days = timestamp_days(year, month, day);
    return TIMESTAMP_OK;
}

/* A year of four digits, or the last two of one of 1970..2069, as POSIX has it. */
static bool take_year(struct text *t, int *year)
{
    const char *begin = t->p;
    if (!digits(t, 2, 4, year) || t->p - begin == 3)
        return false;
    if (t->p - begin == 2)
        *year += *year < 70 ? 2000 : 1900;
    return true;
}

static const char *const months[] = {"january",   "february", "march",    "april",
                                     "may",       "june",     "july",     "august",
                                     "september", "october",  "november", "december"};

/* "Jan 5, 2011". */
static enum timestamp_end take_month_day(struct text *t, int month, int64_t *days)
{
    int day, year;
    letter(t, '.');
    blanks(t);
    if (!digits(t, 1, 2, &day))
        return TIMESTAMP_BAD;
    letter(t, ',');
    blanks(t);
    return take_year(t, &year) ? date_of(year, month, day, days) : TIMESTAMP_BAD;
}

/* A date by numbers in one of its orders, or with its month by name. The separator is the same both
 * times. */
static enum timestamp_end take_date(struct text *t, bool month_first, int64_t *days)
{
    static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                           "friday", "saturday", "sunday"};
    int first, month, day, year;
    if (name_of(t, weekdays, 7) >= 0) {
        letter(t, ',');
        blanks(t);
    }
    month = name_of(t, months, 12);
    if (month >= 0)
        return take_month_day(t, month + 1, days);
    const char *begin = t->p;
    if (!digits(t, 1, 4, &first) || t->p == t->end)
        return TIMESTAMP_BAD;
    ptrdiff_t width = t->p - begin;
    if (width == 4 && *t->p >= '0' && *t->p <= '9') /* "20110105" */
        return digits(t, 2, 2, &month) && digits(t, 2, 2, &day) ? date_of(first, month, day, days)
                                                                : TIMESTAMP_BAD;
    bool year_first = width == 4;
    char between = *t->p;
    if (width == 3 || memchr("-/. ", between, 4) == NULL || !letter(t, between))
        return TIMESTAMP_BAD;
    month = name_of(t, months, 12);
    bool named = month++ >= 0;
    if (!named && (between == ' ' || !digits(t, 1, 2, &month)))
        return TIMESTAMP_BAD;
    if (!letter(t, between))
        return TIMESTAMP_BAD;
    year = day = first;
    if (!(year_first ? digits(t, 1, 2, &day) : take_year(t, &year)))
        return TIMESTAMP_BAD;
    if (month_first && !year_first && !named) {
        day = month;
        month = first;
    }
    if (month > 12 && month <= 31 && day >= 1 && day <= 12)
        return TIMESTAMP_MONTH;
    return date_of(year, month, day, days);
}

/* "8:26", "08:26:05.5", "8 pm", "082605", and "08" alone. */
static bool take_clock(struct text *t, int64_t *clock_s)
{
    int hour, minute = 0, second = 0;
    char word[16];
    const char *begin = t->p;
    if (!digits(t, 1, 2, &hour))
        return false;
    bool colon = letter(t, ':');
    if (!colon && t->p < t->end && *t->p >= '0' && *t->p <= '9') {
        if (t->p - begin != 2 || !digits(t, 2, 2, &minute) ||
            (t->p < t->end && *t->p >= '0' && *t->p <= '9' && !digits(t, 2, 2, &second)))
            return false;
    } else if (colon) {
        if (!digits(t, 2, 2, &minute) || (letter(t, ':') && !digits(t, 2, 2, &second)))
            return false;
    } else if (t->p - begin != 2 && t->p == t->end) {
        return false; /* one digit is no time */
    }
    fraction(t);
    const char *behind = t->p;
    blanks(t);
    size_t n = peek_word(t, word);
    if (n == 2 && (word[0] == 'a' || word[0] == 'p') && word[1] == 'm') {
        t->p += n;
        if (hour < 1 || hour > 12)
            return false;
        hour = hour % 12 + (word[0] == 'p' ? 12 : 0);
    } else {
        t->p = behind;
    }
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *clock_s = hour * 3600 + minute * 60 + (second > 59 ? 59 : second);
    return true;
}

enum timestamp_end timestamp_parse(struct timestamp *out, const char *text, size_t len,
                                   bool month_first)
{
    struct text t = {text, text + len};
    struct timestamp got = {0};
    int64_t days, clock_s;
    blanks(&t);
    while (t.end > t.p && t.end[-1] == ' ')
        t.end--;
    if (is_number(&t)) {
        if (!take_epoch(&got, &t) || t.p != t.end)
            return TIMESTAMP_BAD;
        *out = got;
        return TIMESTAMP_OK;
    }
    enum timestamp_end end = take_date(&t, month_first, &days);
    if (end != TIMESTAMP_OK)
        return end;
    if (t.p == t.end)
        return TIMESTAMP_DAY;
    letter(&t, ',');
    if (!letter(&t, 'T') && !letter(&t, 't') && !letter(&t, ' ') && !letter(&t, ':'))
        return TIMESTAMP_BAD;
    blanks(&t);
    if (!take_clock(&t, &clock_s))
        return TIMESTAMP_BAD;
    got.clock_s = days * 86400 + clock_s;
    end = take_zone(&got, &t);
    if (end == TIMESTAMP_OK && t.p != t.end)
        end = TIMESTAMP_BAD;
    if (end == TIMESTAMP_OK)
        *out = got;
    return end;
}
