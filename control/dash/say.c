#include "control/dash/say.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const struct say unknown = {"?"};
static const struct say nothing = {"-"};

struct say say_count(int64_t n)
{
    struct say out;
    char digits[24];
    if (n < 0)
        return unknown;
    int len = snprintf(digits, sizeof digits, "%" PRId64, n);
    int used = 0;
    for (int i = 0; i < len; i++) {
        out.text[used++] = digits[i];
        if (i + 1 < len && (len - 1 - i) % 3 == 0)
            out.text[used++] = ',';
    }
    out.text[used] = '\0';
    return out;
}

struct say say_rate(double rps)
{
    struct say out;
    if (!(rps >= 0))
        return unknown;
    if (rps == 0)
        return (struct say){"0"};
    if (rps >= 9.95)
        return say_count(rps < 0x1p62 ? (int64_t)(rps + 0.5) : INT64_MAX);
    snprintf(out.text, sizeof out.text, "%.1f", rps < 0.1 ? 0.1 : rps);
    return out;
}

struct say say_percent(double share, double rps)
{
    struct say out;
    double percent = share * 100;
    if (rps == 0)
        return nothing;
    if (!(share >= 0))
        return unknown;
    if (percent > 0 && percent < 0.01)
        return (struct say){"<.01"};
    int decimals = percent < 9.995 ? 2 : percent < 99.95 ? 1 : 0;
    snprintf(out.text, sizeof out.text, "%.*f", decimals, percent);
    return out;
}

struct say say_p99(double p99_ms, double rps)
{
    struct say out;
    if (rps == 0)
        return nothing;
    if (!(p99_ms >= 0))
        return unknown;
    const char *few = rps * SAY_WINDOW_S < 100 ? "~" : "";
    if (p99_ms < 9.95)
        snprintf(out.text, sizeof out.text, "%s%.1fms", few, p99_ms);
    else if (p99_ms < 999.5)
        snprintf(out.text, sizeof out.text, "%s%.0fms", few, p99_ms);
    else if (p99_ms < 99950)
        snprintf(out.text, sizeof out.text, "%s%.1fs", few, p99_ms / 1000);
    else
        snprintf(out.text, sizeof out.text, "%s%.0fs", few, fmin(p99_ms / 1000, 1e9));
    return out;
}

struct say say_since(int64_t ms)
{
    struct say out;
    if (ms < 0)
        return unknown;
    int64_t s = ms / 1000, m = s / 60, h = m / 60, d = h / 24;
    if (m == 0)
        snprintf(out.text, sizeof out.text, "%" PRId64 "s", s);
    else if (h == 0)
        snprintf(out.text, sizeof out.text, "%" PRId64 "m%02ds", m, (int)(s % 60));
    else if (d == 0)
        snprintf(out.text, sizeof out.text, "%" PRId64 "h%02dm", h, (int)(m % 60));
    else
        snprintf(out.text, sizeof out.text, "%" PRId64 "d%02dh", d, (int)(h % 24));
    return out;
}

struct say say_clock(int64_t unix_s)
{
    struct say out;
    int s = (int)(((unix_s % 86400) + 86400) % 86400);
    snprintf(out.text, sizeof out.text, "%02d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
    return out;
}

int64_t say_sum(int64_t a, int64_t b)
{
    return a < 0 || b < 0 ? -1 : a + b;
}
