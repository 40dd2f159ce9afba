#include "simulator/stats.h"

#include <assert.h>
#include <math.h>

#include "base/fmath.h"

void stats_add(struct stats *s, double value)
{
    s->count++;
    double away = value - s->mean;
    s->mean += away / (double)s->count;
    s->squares += away * (value - s->mean);
}

/* P(|T| < t). */
static double student_within(double t, int64_t freedom)
{
    double n = (double)freedom;
    double sine = t / fmath_sqrt(n + t * t);
    double cosine2 = n / (n + t * t);
    double term = 1, sum = 1;
    if (freedom % 2 == 0) {
        for (int64_t k = 2; k <= freedom - 2; k += 2) {
            term *= cosine2 * (double)(k - 1) / (double)k;
            sum += term;
        }
        return sine * sum;
    }
    const double two_over_pi = 0x1.45f306dc9c883p-1;
    double angle = fmath_atan(t / fmath_sqrt(n));
    if (freedom == 1)
        return two_over_pi * angle;
    for (int64_t k = 3; k <= freedom - 2; k += 2) {
        term *= cosine2 * (double)(k - 1) / (double)k;
        sum += term;
    }
    return two_over_pi * (angle + sine * fmath_sqrt(cosine2) * sum);
}

/* More degrees are taken as so many: an interval at 99 % or less is wider for it by 0.2 % at most.
 */
enum { FREEDOM_MAX = 1000 };

double stats_student(int64_t freedom, double level)
{
    assert(freedom >= 1);
    assert(level > 0 && level < 1);
    if (freedom > FREEDOM_MAX)
        freedom = FREEDOM_MAX;
    double low = 0, high = 1;
    while (student_within(high, freedom) < level && high < 1e12)
        high *= 2;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (student_within(middle, freedom) < level)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

double stats_half_width(const struct stats *s, double level)
{
    if (s->count < 2)
        return (double)NAN;
    double n = (double)s->count;
    double error = fmath_sqrt(s->squares / (n - 1) / n);
    return stats_student(s->count - 1, level) * error;
}

double stats_none_seen(int64_t count, double level)
{
    if (count < 1)
        return 1;
    return 1 - fmath_exp(fmath_log(1 - level) / (double)count);
}

struct stats stats_paired(const double *first, const double *second, size_t count)
{
    struct stats s = {0};
    for (size_t i = 0; i < count; i++)
        if (!isnan(first[i]) && !isnan(second[i]))
            stats_add(&s, second[i] - first[i]);
    return s;
}

double stats_sidak(double level, size_t count)
{
    assert(count >= 1);
    return fmath_exp(fmath_log(level) / (double)count);
}
