/* duration.h - lengths of time as people write them: "250ms", "90s", "5m", "1h30m", "7d".
 *
 * A duration is a sequence of numbers, each with a unit out of us, ms, s, m, h, d, the larger
 * before the smaller; numbers may have a decimal fraction as long as the result is a whole number
 * of microseconds. A bare "0" is allowed. Never negative, at most 292,000 years. */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

struct error;

enum { DURATION_TEXT_MAX = 48 };

/* Parse `text` into microseconds. 0, or -1 with `err` set and `*us` untouched. */
int duration_parse(int64_t *us, const char *text, struct error *err);

/* Text that parses back to `us` (>= 0). Up to two minutes it is one whole number ("1500us", "90s"),
 * above in parts, the last of them below a second ("1h30m", "7d", "2m1s500ms"). */
void duration_format(char out[DURATION_TEXT_MAX], int64_t us);

#endif
