#include "simulator/theory.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/fmath.h"

double theory_power(double x, uint64_t n)
{
    double power = 1;
    for (; n > 0; n >>= 1, x *= x)
        if (n & 1)
            power *= x;
    return power;
}

double theory_wait_general(double load, double cs2)
{
    return load / (1 - load) * (1 + cs2) / 2;
}

double theory_time_choices(uint32_t choices, double load)
{
    if (choices == 1)
        return 1 / (1 - load);
    double sum = 0, term = 1;
    for (uint64_t exponent = 0; term > 1e-18 * sum; exponent = exponent * choices + choices) {
        term = theory_power(load, exponent);
        sum += term;
    }
    return sum;
}

double theory_any(double p, uint64_t count)
{
    return 1 - theory_power(1 - p, count);
}

double theory_fewer(uint32_t needed, uint32_t count, double works)
{
    double sum = 0, ways = 1;
    for (uint32_t up = 0; up < needed; up++) {
        sum += ways * theory_power(works, up) * theory_power(1 - works, count - up);
        ways = ways * (count - up) / (up + 1);
    }
    return sum;
}

/* ---- the shorter of two queues ----
 *
 * States are (shorter, difference). With service rate 1 and arrivals at 2 load the shorter queue
 * moves by one at most, so the chain is block tridiagonal: up, within and down, the same for every
 * length of the shorter but 0. One matrix takes the probabilities of each to those of the next:
 * rate = up (-(within + rate down))^-1, found by iterating it (Neuts 1981). */

enum { DIFFERENCES = 32 }; /* a difference of d has about 0.3^d */

struct block {
    double at[DIFFERENCES][DIFFERENCES]; /* from, to */
};

/* to = left * right */
static void multiply(struct block *to, const struct block *left, const struct block *right)
{
    memset(to, 0, sizeof *to);
    for (int i = 0; i < DIFFERENCES; i++)
        for (int k = 0; k < DIFFERENCES; k++) {
            if (left->at[i][k] == 0)
                continue;
            for (int j = 0; j < DIFFERENCES; j++)
                to->at[i][j] += left->at[i][k] * right->at[k][j];
        }
}

/* The inverse of a matrix whose diagonal dominates, in place (Gauss and Jordan). */
static void invert(struct block *m)
{
    for (int k = 0; k < DIFFERENCES; k++) {
        double pivot = 1 / m->at[k][k];
        m->at[k][k] = 1;
        for (int j = 0; j < DIFFERENCES; j++)
            m->at[k][j] *= pivot;
        for (int i = 0; i < DIFFERENCES; i++) {
            double factor = m->at[i][k];
            if (i == k || factor == 0)
                continue;
            m->at[i][k] = 0;
            for (int j = 0; j < DIFFERENCES; j++)
                m->at[i][j] -= factor * m->at[k][j];
        }
    }
}

/* The rates between states; `within_none` for shorter = 0. */
struct chain {
    struct block up, within, within_none, down, rate;
};

static void chain_fill(struct chain *c, double load)
{
    memset(c, 0, sizeof *c);
    for (int d = 0; d < DIFFERENCES; d++) {
        double served = d == 0 ? 2 : 1; /* the shorter one's server, or either's */
        bool falls = d + 1 < DIFFERENCES;
        if (falls)
            c->down.at[d][d + 1] = served;
        if (d == 0) {
            c->within.at[d][1] = 2 * load;
        } else {
            c->within.at[d][d - 1] = 1; /* the longer one's server */
            c->up.at[d][d - 1] = 2 * load;
        }
        c->within.at[d][d] = -2 * load - (d > 0);
        memcpy(c->within_none.at[d], c->within.at[d], sizeof c->within.at[d]);
        c->within.at[d][d] -= falls ? served : 0;
    }
}

/* One step of the iteration; how much it moved. */
static double chain_step(struct chain *c)
{
    struct block m, next;
    double moved = 0;
    multiply(&m, &c->rate, &c->down);
    for (int i = 0; i < DIFFERENCES; i++)
        for (int j = 0; j < DIFFERENCES; j++)
            m.at[i][j] = -c->within.at[i][j] - m.at[i][j];
    invert(&m);
    multiply(&next, &c->up, &m);
    for (int i = 0; i < DIFFERENCES; i++)
        for (int j = 0; j < DIFFERENCES; j++)
            moved += next.at[i][j] - c->rate.at[i][j]; /* it only grows */
    c->rate = next;
    return moved;
}

/* The probabilities of shorter = 0, but for a factor: the balance equations, with that of
 * difference 0 replaced by "it is 1". */
static void chain_lowest(const struct chain *c, double probability[DIFFERENCES])
{
    struct block m, equation;
    multiply(&m, &c->rate, &c->down);
    for (int i = 0; i < DIFFERENCES; i++)
        for (int j = 0; j < DIFFERENCES; j++)
            equation.at[j][i] = j == 0 ? i == 0 : c->within_none.at[i][j] + m.at[i][j];
    invert(&equation);
    for (int i = 0; i < DIFFERENCES; i++)
        probability[i] = equation.at[i][0];
}

double theory_time_shortest(double load)
{
    assert(load > 0 && load <= 0.99);
    struct chain c;
    double probability[DIFFERENCES], all = 0, number = 0, level = 1;
    chain_fill(&c, load);
    while (chain_step(&c) > 1e-15)
        ;
    chain_lowest(&c, probability);
    for (int shorter = 0; level > 1e-15 * all; shorter++) {
        double next[DIFFERENCES] = {0};
        level = 0;
        for (int i = 0; i < DIFFERENCES; i++) {
            level += probability[i];
            number += probability[i] * (2 * shorter + i);
            for (int j = 0; j < DIFFERENCES; j++)
                next[j] += probability[i] * c.rate.at[i][j];
        }
        all += level;
        memcpy(probability, next, sizeof probability);
    }
    return number / all / (2 * load);
}

double theory_cache_hits(const double *share, uint32_t keys, double entries)
{
    if (entries >= keys)
        return 1;
    /* The number asked for in T is concave, so Newton's steps come from below and never pass. */
    double time = entries, hits = 0;
    for (int step = 0; step < 100; step++) {
        double seen = 0, slope = 0;
        hits = 0;
        for (uint32_t i = 0; i < keys; i++) {
            double stays = fmath_exp(-share[i] * time);
            seen += 1 - stays;
            slope += share[i] * stays;
            hits += share[i] * (1 - stays);
        }
        double missing = entries - seen;
        if (missing <= 1e-9 * entries || slope <= 0)
            break;
        time += missing / slope;
    }
    return hits;
}
