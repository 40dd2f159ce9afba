#include "base/fmath.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in two parts: the high one has 32 zero bits at its end, so that k * LN2_HI is exact for
 * every exponent k (the usual split, as in Tang 1990, ACM TOMS 16(4)). */
static const double LN2_HI = 0x1.62e42feep-1;
static const double LN2_LO = 0x1.a39ef35793c76p-33;
static const double PI_HALF = 0x1.921fb54442d18p+0;

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t to_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* x = m * 2^k with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh(s), s = (m - 1) / (m + 1), whose
 * series in s^2 <= 0.0295 is below 2^-55 after eleven terms. */
double fmath_log(double x)
{
    if (!(x > 0))
        return x == 0 ? (double)-INFINITY : (double)NAN;
    if (x > 0x1.fffffffffffffp+1023)
        return x;
    int k = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        k = -54;
    }
    uint64_t bits = to_bits(x);
    k += (int)(bits >> 52) - 1023;
    double m = from_bits((bits & 0xfffffffffffffu) | 0x3ff0000000000000u);
    if (m > 0x1.6a09e667f3bcdp+0) {
        m *= 0.5;
        k++;
    }
    double s = (m - 1) / (m + 1);
    double z = s * s;
    double sum = 0;
    for (int n = 23; n >= 3; n -= 2)
        sum = (sum + 1.0 / n) * z;
    double f = m - 1;
    double tail = k * LN2_LO + (s * (2 * sum) - s * f);
    /* 2 s = f - s f exactly in theory; written so, the leading f is not rounded. */
    return k * LN2_HI + (f + tail);
}

/* x = k ln 2 + r with |r| <= 0.347; e^r by its Taylor series to the 14th power. */
double fmath_exp(double x)
{
    if (x != x)
        return x;
    if (x > 0x1.62e42fefa39efp+9)
        return (double)INFINITY;
    if (x < -745.2)
        return 0;
    double scaled = x * 0x1.71547652b82fep+0;
    int k = (int)(scaled + (scaled < 0 ? -0.5 : 0.5));
    double r = (x - k * LN2_HI) - k * LN2_LO;
    double sum = 1;
    for (int n = 14; n >= 1; n--)
        sum = 1 + sum * r / n;
    if (k < -1021) /* in two steps, so that the small ones lose bits only once */
        return sum * from_bits((uint64_t)(k + 200 + 1023) << 52) * 0x1p-200;
    if (k > 1023)
        return sum * from_bits((uint64_t)(k - 1 + 1023) << 52) * 2;
    return sum * from_bits((uint64_t)(k + 1023) << 52);
}

/* Halve the angle twice, atan x = 2 atan(x / (1 + sqrt(1 + x^2))), then the series for
 * |x| <= tan(pi / 16). */
double fmath_atan(double x)
{
    if (x < 0)
        return -fmath_atan(-x);
    if (x > 1)
        return PI_HALF - fmath_atan(1 / x);
    double h = x / (1 + fmath_sqrt(1 + x * x));
    h = h / (1 + fmath_sqrt(1 + h * h));
    double z = h * h;
    double sum = 0;
    for (int n = 25; n >= 3; n -= 2)
        sum = (1.0 / n - sum) * z;
    return 4 * (h - h * sum);
}

/* Fold into [-pi, pi], take a quarter of the angle, its Taylor series, and double it twice. */
double fmath_cos(double x)
{
    double turns = x / (4 * PI_HALF);
    double r = x - 4 * PI_HALF * (double)(int64_t)(turns + (turns < 0 ? -0.5 : 0.5));
    double z = r * r / 16;
    double sum = 1;
    for (int n = 16; n >= 2; n -= 2)
        sum = 1 - sum * z / (n * (n - 1));
    double half = 2 * sum * sum - 1;
    return 2 * half * half - 1;
}

double fmath_sqrt(double x)
{
    return sqrt(x);
}
