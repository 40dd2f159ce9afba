/* theory.h - what queues and spare parts do, exactly. Times are in mean service times. */
#ifndef SIMULATOR_THEORY_H
#define SIMULATOR_THEORY_H

#include <stdint.h>

/* x to the n-th, by squaring. */
double theory_power(double x, uint64_t n);

/* The mean wait before one server whose service times have the squared coefficient of variation
 * `cs2` (Pollaczek 1930, Khinchine 1932). */
double theory_wait_general(double load, double cs2);

/* The mean time in system where each customer joins the shortest of `choices` >= 1 queues drawn at
 * random, of a number that goes to infinity (Mitzenmacher 1996; Vvedenskaya, Dobrushin and
 * Karpelevich 1996): the sum over i >= 1 of load ^ ((choices^i - choices) / (choices - 1)). */
double theory_time_choices(uint32_t choices, double load);

/* The mean time in system where each customer joins the shorter of two queues, any of equals: the
 * stationary chain of (shorter, difference), both truncated where nothing is left. Load at most
 * 0.99. No closed form is known; Adan, Wessels and Zijm 1990 have it as a series. */
double theory_time_shortest(double load);

/* The probability that any of `count` is slow, each with probability `p`. */
double theory_any(double p, uint64_t count);

/* The probability that fewer than `needed` of `count` <= 60 work, each with probability `works`. */
double theory_fewer(uint32_t needed, uint32_t count, double works);

/* The share of requests that a cache of `entries` finds, which drops what was not asked for the
 * longest, when key i is asked for with chance `share`[i], independently of what came before: each
 * key stays for the same time T after it was asked for, in which as many different ones are asked
 * for as there are entries (Che, Tung and Wang 2002). */
double theory_cache_hits(const double *share, uint32_t keys, double entries);

#endif
