#include "base/fmath.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in two parts: the high one has 32 zero bits at its end, so that k * LN2_HI is exact for
 * every exponent k (the usual split, as in Tang 1990, ACM TOMS 16(4)). */
static const double LN2_HI = 0x1.62e42feep-1;
static const double LN2_LO = 0x1.a39ef35793c76p-33;
static const double PI_HALF = 0x1.921fb54442d18p+0;
static const double LN_2PI_HALF = 0x1.d67f1c864beb5p-1; /* ln(2 pi) / 2 */

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

double fmath_pow(double x, double y)
{
    return y == 0 ? 1 : fmath_exp(y * fmath_log(x));
}

/* ln Gamma(2 + z) for |z| <= 1/2, by its power series (Abramowitz and Stegun 1964, 6.1.33): z (1 -
 * Euler's constant), then +-z^k (zeta(k) - 1) / k, whose factors these are, from k = 2. Terms
 * behind the 26th are below 2^-56. */
static double lgamma_near_2(double z)
{
    static const double factor[] = {
        // clang-format off
    0x1.4a34cc4a60fa6p-2,  0x1.13e001a557607p-4,  0x1.51322ac7d8483p-6,  0x1.e404fc218f5f2p-8,
    0x1.7add6eadb6c30p-9,  0x1.38ac5c2bf8e08p-10, 0x1.0b36af86396e9p-11, 0x1.d3fd4c76d2fc8p-13,
    0x1.a127b0f17d65ap-14, 0x1.78de5bd7c81efp-15, 0x1.580dcee66eb02p-16, 0x1.3cbc963ce2243p-17,
    0x1.2597a39f34aacp-18, 0x1.11b2eb7679541p-19, 0x1.0064cdeb22f0fp-20, 0x1.e2600d93cfd2fp-22,
    0x1.c76bbb3f07a4dp-23, 0x1.af5a6cbbf8a97p-24, 0x1.99b93c2070b0fp-25, 0x1.862c734df3eacp-26,
    0x1.7469daccfadcdp-27, 0x1.6434a8447aeadp-28, 0x1.555a877ffd2c3p-29, 0x1.47b1679258d0ep-30,
    0x1.3b15d2b2fc10cp-31,
        // clang-format on
    };
    double sum = 0;
    for (int i = (int)(sizeof factor / sizeof factor[0]) - 1; i >= 0; i--)
        sum = factor[i] - z * sum;
    return z * (0x1.b0ee6072093cep-2 + z * sum);
}

/* Up to 12, Gamma(x) = (x - 1) Gamma(x - 1) leads to [1.5, 2.5]; beyond, Stirling's series
 * (Abramowitz and Stegun 1964, 6.1.41) is below 2^-54 after seven terms. */
double fmath_lgamma(double x)
{
    static const double stirling[] = {1.0 / 12,   -1.0 / 360,        1.0 / 1260, -1.0 / 1680,
                                      1.0 / 1188, -691.0 / 360360.0, 1.0 / 156};
    if (!(x > 0))
        return x == 0 ? (double)INFINITY : (double)NAN;
    if (x < 0.5)
        return fmath_lgamma(x + 1) - fmath_log(x);
    if (x < 1.5)
        return lgamma_near_2(x - 1) - fmath_log(x);
    if (x <= 12) {
        double product = 1;
        for (; x > 2.5; x -= 1)
            product *= x - 1;
        return lgamma_near_2(x - 2) + fmath_log(product);
    }
    double inverse = 1 / x, z = inverse * inverse, sum = 0;
    for (int i = (int)(sizeof stirling / sizeof stirling[0]) - 1; i >= 0; i--)
        sum = stirling[i] + z * sum;
    return (x - 0.5) * (fmath_log(x) - 1) + (LN_2PI_HALF - 0.5 + inverse * sum);
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
