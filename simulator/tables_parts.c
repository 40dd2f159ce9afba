/* tables_parts.c - what does not queue: tails, shards, spare parts, and the rules of capacity and
 * retries. */
#include <math.h>

#include "control/capacity.h"
#include "control/retry.h"
#include "control/shuffle.h"
#include "simulator/tables.h"
#include "simulator/theory.h"

#define NONE         ((double)NAN)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { REPLICATIONS = 64 };

static const char too_rare[] = "so rare that simulating it would take too long";
static const double RARE = 1.0 / 2000;

/* Independent trials until a share `p` is known to a half width of 1 %: of z standard errors with z
 * about 4.2, and a tenth narrower. */
static int64_t trials_for(const struct tables *t, double p, double least)
{
    double trials = 4.2 * 4.2 / (0.009 * 0.009 * t->within * t->within) * (1 - p) / p;
    return (int64_t)((trials > least ? trials : least) / REPLICATIONS) + 1;
}

/* ---- the tail at scale ---- */

void tables_tail(struct tables *t)
{
    static const uint64_t leaves[] = {1, 10, 50, 100, 200, 1000, 2000};
    static const struct {
        double p;
        const char *name;
    } slow[] = {{0.01, "1/100"}, {0.001, "1/1000"}, {0.0001, "1/10000"}};
    struct validate_table *table =
        tables_begin(t, "tail", "Requests that meet a slow leaf of n, when a leaf is slow with p",
                     "Dean and Barroso 2013 (CACM 56(2)): 63 %, and \"nearly one in five\"; exact: "
                     "1 - (1 - p)^n");
    if (table == NULL)
        return;
    table->percent = 1;
    for (size_t k = 0; k < COUNT(slow); k++) {
        for (size_t i = 0; i < COUNT(leaves); i++) {
            double exact = theory_any(slow[k].p, leaves[i]);
            double published = leaves[i] == 100 && k == 0    ? 0.63
                               : leaves[i] == 2000 && k == 2 ? 0.2
                                                             : NONE;
            struct validate_row *row =
                tables_row(t, published, published < 0.5 ? 0.05 : 0.005, exact, "n = %u, p = %s",
                           (unsigned)leaves[i], slow[k].name);
            struct subject s = {.replicate = subject_scatter, .replications = REPLICATIONS};
            s.scatter.leaves = leaves[i];
            s.scatter.p = slow[k].p;
            s.scatter.requests = trials_for(t, exact, 20000);
            double requests = (double)s.scatter.requests * REPLICATIONS;
            if (requests * (1 - exact) < 1000) {
                row->allowed = 20 / requests;
                row->note = "few requests meet none, so 20 more or fewer are allowed";
            }
            tables_measure(t, &s, 0, row, 1, exact);
            s.cost = requests * (double)leaves[i] * slow[k].p;
            tables_simulate(t, &s, "tail/%u/%s", (unsigned)leaves[i], slow[k].name);
        }
    }
}

/* ---- shuffle sharding ---- */

static void shards_row(struct tables *t, uint32_t workers, uint32_t shard, const double *published,
                       const double *digit)
{
    struct subject s = {.replicate = subject_share, .replications = REPLICATIONS};
    double rarest = 1;
    s.share.workers = workers;
    s.share.shard = shard;
    for (uint32_t shared = 0; shared <= shard; shared++) {
        double exact = shuffle_overlap(workers, shard, shared);
        struct validate_row *row =
            tables_row(t, published[shared], digit[shared], exact, "%u of %u: %u shared",
                       (unsigned)shard, (unsigned)workers, (unsigned)shared);
        if (exact < 2 * RARE) {
            tables_exact_only(row, too_rare);
            continue;
        }
        tables_measure(t, &s, (int)shared, row, 1, exact);
        rarest = exact < rarest ? exact : rarest;
    }
    s.share.pairs = trials_for(t, rarest, 20000);
    s.cost = (double)s.share.pairs * REPLICATIONS * shard / 2;
    tables_simulate(t, &s, "shuffle/%u/%u", (unsigned)workers, (unsigned)shard);
}

void tables_shuffle(struct tables *t)
{
    static const double few[] = {.535714, .428571, .0357143};
    static const double few_digit[] = {5e-7, 5e-7, 5e-8};
    static const double many[] = {.76959, .211426, .0183849, 5.9306e-4, 6.30915e-6, 1.32824e-8};
    static const double many_digit[] = {5e-6, 5e-7, 5e-8, 5e-9, 5e-12, 5e-14};
    struct validate_table *table = tables_begin(
        t, "shuffle", "Tenants with shards of k of n workers who share so many of them",
        "Hypergeometric; MacCarthaigh 2014 (AWS) has 1/28 for 2 of 8, the AWS Well-Architected "
        "labs "
        "0.0000013 % for 5 of 100; exact only below one in 1000");
    if (table == NULL)
        return;
    table->percent = 1;
    shards_row(t, 8, 2, few, few_digit);
    shards_row(t, 100, 5, many, many_digit);
}

/* ---- spare parts ---- */

static void availability_of(struct tables *t, double works, uint32_t needed, uint32_t parts,
                            double published)
{
    double fails = theory_fewer(needed, parts, works);
    struct validate_row *row = tables_row(t, published, 5e-11, 1 - fails, "%u of %u, each %.1f %%",
                                          (unsigned)needed, (unsigned)parts, works * 100);
    /* Of all failures those that leave too few. */
    double last = theory_fewer(needed, parts - 1, works);
    if (last < 0.0099) {
        tables_exact_only(row, too_rare);
        return;
    }
    struct subject s = {
        .replicate = subject_repair,
        .repair = {.parts = parts, .needed = needed, .works = works, .warmup = 20},
        .controls = REPAIR_DRAWS,
        .draws = REPAIR_DRAWS,
        .replications = REPLICATIONS,
    };
    /* In a replication. Of the time that it is down the relative variance is 2 over how often. */
    double failures = 2 * (double)trials_for(t, 0.5, 100) / last;
    s.repair.time = failures * works / (1 - works) / parts;
    tables_measure(t, &s, 0, row, 1, fails);
    s.cost = failures * REPLICATIONS;
    tables_simulate(t, &s, "availability/%u/%u/%.3f", (unsigned)needed, (unsigned)parts, works);
}

/* Services in a row: all must work. */
static void availability_chain(struct tables *t, uint32_t services, double published)
{
    struct validate_row *row =
        tables_row(t, published, 5e-5, 1 - theory_fewer(services, services, 0.9999),
                   "a service on %u others, each 99.99 %%", (unsigned)services - 1);
    tables_exact_only(row, "a product of probabilities");
}

void tables_availability(struct tables *t)
{
    static const struct {
        uint32_t needed, parts;
    } shapes[] = {{1, 2}, {2, 3}, {1, 3}, {3, 4}, {2, 4}, {4, 6}, {3, 5}};
    static const struct {
        double works;
        double published[COUNT(shapes)];
    } rows[] = {
        {0.99,
         {.9999000000, .9997020000, .9999990000, .9994079700, .9999960300, .9999804464,
          .9999901494}},
        {0.995,
         {.9999750000, .9999252500, .9999998750, .9998509981, .9999995019, .9999975280,
          .9999987594}},
        {0.999,
         {.9999990000, .9999970020, .9999999990, .9999940080, .9999999960, .9999999800,
          .9999999900}},
    };
    struct validate_table *table = tables_begin(
        t, "availability", "k of n parts suffice (half widths are of the unavailability)",
        "Binomial; AWS whitepaper \"Availability and Beyond\" has 99.99 % for 1 of 2 at 99 %, the "
        "AWS Reliability Pillar 99.97 % for two hard dependencies; exact only where fewer than one "
        "failure in 100 leaves too few");
    if (table == NULL)
        return;
    table->percent = 1;
    table->decimals = 8;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < COUNT(shapes); k++)
            availability_of(t, rows[i].works, shapes[k].needed, shapes[k].parts,
                            rows[i].published[k]);
    availability_chain(t, 3, 0.9997);
}

/* ---- rules of capacity and retries ---- */

/* What the code gives, at once and without chance. */
static void rule(struct validate_row *row, double given)
{
    row->simulated = given;
    row->half_width = 0;
    if (fabs(given - row->expected) > 1e-9) {
        row->verdict = VALIDATE_MISSES;
        row->note = "the code does not give what is expected";
    }
}

static void retries(struct tables *t, uint32_t tries_max, double fails, double budget, double least,
                    double published, double digit, double exact, const char *name)
{
    struct validate_row *row = tables_row(t, published, digit, exact, "%s", name);
    struct subject s = {
        .replicate = subject_retry,
        .retry = {.calls = (int64_t)(least / (t->within * t->within)) + 1000,
                  .tries_max = tries_max,
                  .fails = fails,
                  .budget = budget},
        .replications = REPLICATIONS,
    };
    row->allowed = 1 / (double)s.retry.calls;    /* a token may be left */
    tables_measure(t, &s, 0, row, 1, exact - 1); /* of what is done besides */
    s.cost = (double)s.retry.calls * REPLICATIONS / 2;
    tables_simulate(t, &s, "rules/%s", name);
}

/* Calls at the bottom of so many layers, each of which tries so often when all fail. */
static int64_t layered(int layers, uint32_t tries_max)
{
    if (layers == 0)
        return 1;
    struct retry plenty = retry_full(tries_max, 0);
    int64_t calls = 0;
    uint32_t tries = 0;
    do {
        calls += layered(layers - 1, tries_max);
        tries++;
    } while (retry_allowed(&plenty, tries, tries_max));
    return calls;
}

void tables_rules(struct tables *t)
{
    const struct topo_tolerance zone = {.zones = 1};
    struct validate_table *table =
        tables_begin(t, "rules", "Rules of capacity and retries, by the code that decides",
                     "Azure, \"Reliability in Virtual Machine Scale Sets\" (zones); Brooker 2022 "
                     "(retries, token "
                     "bucket); AWS Builders' Library (layers); Google, \"Site Reliability "
                     "Engineering\", Handling "
                     "Overload (three attempts, 10 % budget)");
    if (table == NULL)
        return;
    rule(tables_row(t, 6, 0, 4 * 3.0 / 2, "servers for a peak of 4, to lose one of 3 zones"),
         (double)capacity_per_zone(capacity_needed(4, 1), 3, zone) * 3);
    rule(tables_row(t, 1.5, 0, 3.0 / 2, "servers over peak, to lose one of 3 zones"),
         (double)capacity_per_zone(capacity_needed(1000, 1), 3, zone) * 3 / 1000);
    rule(tables_row(t, 243, 0, theory_power(3, 5), "calls at the bottom of 5 layers of 3 attempts"),
         (double)layered(5, 3));
    rule(tables_row(t, 3, 0, NONE, "attempts of one request that always fails"),
         (double)layered(1, 3));
    retries(t, 2, 1, 10, 0, 2, 0, 1 + 1, "work when all calls fail and 1 retry is allowed");
    retries(t, 4, 1, 10, 0, 4, 0, 1 + 3, "work when all calls fail and 3 retries are allowed");
    retries(t, 3, 1, 0.1, 3000, 1.1, 0, 1 + 0.1, "work when all calls fail and the budget is 10 %");
    /* Well below the budget as with N retries, well above it as with the budget alone. */
    retries(t, 4, 0.02, 0.1, 170000, NONE, 0, 1 + 0.02 + 0.0004 + 0.000008,
            "work when 2 % fail, 3 retries, budget 10 %");
    retries(t, 4, 0.5, 0.1, 3000, NONE, 0, 1 + 0.1, "work when half fail, 3 retries, budget 10 %");
}
