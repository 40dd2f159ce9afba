/* say.h - numbers as the dashboard writes them: short, and never a zero for what is not known.
 *
 * `-` is no traffic, `?` not known, `~` before a percentile of under 100 samples. Each function
 * returns its text by value: say_rate(rps).text is good until the end of the expression. */
#ifndef CONTROL_DASH_SAY_H
#define CONTROL_DASH_SAY_H

#include <stdint.h>

enum { SAY_TEXT_MAX = 32, SAY_WINDOW_S = 10 };

struct say {
    char text[SAY_TEXT_MAX];
};

/* "1,234,567"; negative is "?". */
struct say say_count(int64_t n);

/* Requests per second: "0", "3.4", "1,234". */
struct say say_rate(double rps);

/* A share in percent: "0.00", "12.3", "100"; "-" where `rps`, the traffic it is a share of, is 0.
 * It is "0.00" only when it is 0: one lost of a million is "<.01". */
struct say say_percent(double share, double rps);

/* "3.1ms", "31ms", "1.2s"; "~" when `rps` over the window makes less than 100 samples. */
struct say say_p99(double p99_ms, double rps);

/* A length of time in two units at most: "41s", "2m19s", "1h03m", "7d02h". */
struct say say_since(int64_t ms);

/* A time of day: "14:03:22", in UTC. */
struct say say_clock(int64_t unix_s);

/* a + b, or -1 when one of them is not known. */
int64_t say_sum(int64_t a, int64_t b);

#endif
