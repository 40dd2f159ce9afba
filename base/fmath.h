/* fmath.h - the transcendental functions whose bits end in a result.
 *
 * A C library picks another log() for another processor, so the same seed would give other bits
 * elsewhere. These use additions, multiplications, divisions and square roots only, each correctly
 * rounded by IEEE 754, in a fixed order: compiled with -ffp-contract=off they give the same bits
 * from every compiler at every level. Errors stay within 2 units in the last place, for the arc
 * tangent and the logarithm of the Gamma function within 8 (tests/base/test_fmath.c). */
#ifndef BASE_FMATH_H
#define BASE_FMATH_H

/* Natural logarithm. -inf at 0, NaN below. */
double fmath_log(double x);

/* e to the x. 0 below about -745, inf above about 709.78. */
double fmath_exp(double x);

/* x to the y for x >= 0, as e to the y ln x: its relative error is below 2^-51 (1 + |y ln x|). 1
 * for y = 0, NaN for negative x. */
double fmath_pow(double x, double y);

/* Natural logarithm of the Gamma function for x > 0. inf at 0 and at inf, NaN below 0. */
double fmath_lgamma(double x);

/* Arc tangent, in radians. */
double fmath_atan(double x);

/* Cosine of `x` radians, |x| <= 1e6; for distances on the globe, absolute error below 1e-10. */
double fmath_cos(double x);

/* Square root, correctly rounded. */
double fmath_sqrt(double x);

#endif
