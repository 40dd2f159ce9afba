/* The times of an empirical service, from the text of their file. */
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/json_place.h"
#include "base/topo.h"

enum { LINE_MAX_BYTES = 60 };

static const double TIME_US_MAX = 3600e6;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A plain decimal number, such as "12.5". The digits that a double cannot hold are passed over. */
static bool parse_number(double *out, const char *text)
{
    uint64_t digits = 0;
    double divisor = 1;
    bool fraction = false;
    if (!is_digit(*text))
        return false;
    for (; *text != '\0'; text++) {
        if (*text == '.' && !fraction && is_digit(text[1])) {
            fraction = true;
            continue;
        }
        if (!is_digit(*text))
            return false;
        bool full = digits >= 100000000000000; /* 10^14 */
        if (full && !fraction)
            return false;
        if (full)
            continue;
        digits = digits * 10 + (uint64_t)(*text - '0');
        divisor = fraction ? divisor * 10 : divisor;
    }
    *out = (double)(int64_t)digits / divisor;
    return true;
}

static bool parse_time(double *us, const char *text)
{
    struct error ignored;
    int64_t whole;
    if (parse_number(us, text)) {
        *us *= 1000;
        return *us <= TIME_US_MAX;
    }
    if (duration_parse(&whole, text, &ignored) != 0)
        return false;
    *us = (double)whole;
    return *us <= TIME_US_MAX;
}

static bool is_title(const char *text)
{
    char small = (char)(*text | 0x20);
    return (small >= 'a' && small <= 'z') || *text == '"' || *text == '#';
}

/* The line of `len` bytes at `text`, without what ends it, as a string. False: too long for a
 * time, or with a NUL inside. */
static bool copy_line(char line[LINE_MAX_BYTES], const char *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\r')
        len--;
    size_t kept = len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES - 1;
    memcpy(line, text, kept);
    line[kept] = '\0';
    return kept == len && memchr(line, '\0', len) == NULL;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines + (len > 0 && text[len - 1] != '\n');
}

int topo_times_set(struct topo_service *service, const char *path, const char *text, size_t len,
                   struct arena *a, struct error *err)
{
    size_t lines = count_lines(text, len), count = 0;
    double sum = 0;
    double *us = arena_alloc(a, lines, sizeof us[0]);
    if (us == NULL)
        return error_memory(err);
    const char *end = text + len;
    for (size_t i = 0; i < lines; i++) {
        char line[LINE_MAX_BYTES], got[JSON_QUOTE_MAX];
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop == NULL ? end : stop;
        bool whole = copy_line(line, text, (size_t)(stop - text));
        text = stop + 1;
        if (i == 0 && is_title(line))
            continue;
        if (!whole || !parse_time(&us[count], line)) {
            json_quote(got, line);
            return error_set(err, ERR_SYNTAX,
                             "%s:%zu: expected a time of 0..1h such as 12.5ms, or a number of "
                             "milliseconds, got %s",
                             path, i + 1, got);
        }
        sum += us[count++];
    }
    if (count > TOPO_TIMES_MAX)
        return error_set(err, ERR_LIMIT, "%s: expected at most %d times, got %zu", path,
                         TOPO_TIMES_MAX, count);
    if (count == 0)
        return error_set(err, ERR_MISSING, "%s: expected times, got none", path);
    double mean_us = sum / (double)count;
    if (mean_us < 1)
        return error_set(err, ERR_RANGE, "%s: expected a mean of 1us or more, got %gus", path,
                         mean_us);
    service->times_us = us;
    service->times_count = count;
    if (service->times_mean_us > 0) /* the file's are scaled to what the topology gives */
        return 0;
    service->times_mean_us = mean_us;
    service->time_us = (int64_t)(mean_us + 0.5);
    return 0;
}
