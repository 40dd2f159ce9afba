#include "control/cut.h"

#include <string.h>

#include "base/arena.h"
#include "base/data.h"
#include "base/error.h"

static const double MILLION = 1e6;

/* ---- regions ---- */

static int add_region(struct cut *cut, const char *name, double price, struct error *err)
{
    for (size_t i = 0; i < cut->region_count; i++)
        if (strcmp(cut->regions[i].name, name) == 0)
            return 0;
    if (cut->region_count == CUT_REGIONS_MAX)
        return error_set(err, ERR_LIMIT, "regions: more than %d to choose from", CUT_REGIONS_MAX);
    cut->regions[cut->region_count++] = (struct cut_region){name, (int64_t)(price * MILLION + 0.5)};
    return 0;
}

/* The candidates that are given, or the AWS regions and those that residency rules name. */
static int find_regions(struct cut *cut, struct arena *a, struct error *err)
{
    const struct topo *topo = cut->topo;
    struct data_region region;
    for (size_t i = 0; i < topo->candidate_count; i++) {
        data_region_at(topo->candidates[i].region, &region);
        if (region.zones < cut->zones)
            return error_set(err, ERR_CONFLICT,
                             "regions[%zu].region: %s has %d zone%s, and a cell here %lld", i,
                             topo->candidates[i].region, region.zones, region.zones == 1 ? "" : "s",
                             (long long)cut->zones);
        if (add_region(cut, topo->candidates[i].region, topo->candidates[i].price, err) != 0)
            return -1;
    }
    for (size_t i = 0; topo->candidate_count == 0; i++) {
        if (!data_region_number(i, (int)cut->zones, &region))
            break;
        const char *name = arena_string(a, region.name, strlen(region.name));
        if (name == NULL)
            return error_memory(err);
        if (add_region(cut, name, 1, err) != 0)
            return -1;
    }
    for (size_t i = 0; topo->candidate_count == 0 && i < topo->country_count; i++)
        for (size_t k = 0; k < topo->countries[i].residency.region_count; k++)
            if (add_region(cut, topo->countries[i].residency.regions[k], 1, err) != 0)
                return -1;
    return 0;
}

static int find_rtts(struct cut *cut, struct arena *a, struct error *err)
{
    const struct topo *topo = cut->topo;
    struct data_region region[CUT_REGIONS_MAX];
    const char *country[CUT_REGIONS_MAX];
    cut->rtt_us = arena_alloc(a, topo->country_count * cut->region_count, sizeof cut->rtt_us[0]);
    if (cut->rtt_us == NULL)
        return error_memory(err);
    for (size_t r = 0; r < cut->region_count; r++) {
        data_region_at(cut->regions[r].name, &region[r]);
        country[r] = region[r].country;
    }
    for (size_t i = 0; i < topo->country_count; i++) {
        struct data_country home;
        int64_t *rtt_us = &cut->rtt_us[i * cut->region_count];
        data_country_at(topo_home(&topo->countries[i]), &home);
        data_country_rtts_us(home.code, country, cut->region_count, rtt_us);
        for (size_t r = 0; r < cut->region_count; r++)
            if (rtt_us[r] < 0)
                rtt_us[r] = data_distance_rtt_us(&home, &region[r]);
    }
    return 0;
}

/* The regions that a country's rule and the longest round trip leave. */
static uint64_t regions_of(const struct cut *cut, size_t country)
{
    uint64_t regions = 0;
    for (size_t r = 0; r < cut->region_count; r++)
        if (topo_may_lie(&cut->topo->countries[country], cut->regions[r].name) &&
            (cut->topo->rtt_max_us == 0 ||
             cut->rtt_us[country * cut->region_count + r] <= cut->topo->rtt_max_us))
            regions |= 1ull << r;
    return regions;
}

/* Why a country has no region, and what would give it one. */
static int refuse_country(const struct cut *cut, size_t country, struct error *err)
{
    const struct topo_country *c = &cut->topo->countries[country];
    size_t nearest = cut->region_count;
    const int64_t *rtt_us = &cut->rtt_us[country * cut->region_count];
    for (size_t r = 0; r < cut->region_count; r++)
        if (topo_may_lie(c, cut->regions[r].name) &&
            (nearest == cut->region_count || rtt_us[r] < rtt_us[nearest]))
            nearest = r;
    if (nearest == cut->region_count)
        return error_set(err, ERR_CONFLICT,
                         "countries.%s.residency.regions: none of them is among the regions; add "
                         "%s there, or drop the rule",
                         c->name, c->residency.regions[0]);
    return error_set(err, ERR_CONFLICT,
                     "rtt_max: no region is within %.1f ms of %s%s: the nearest, %s, is %.1f ms "
                     "away; allow that, or add a nearer region",
                     (double)cut->topo->rtt_max_us / 1000, c->name,
                     c->residency.region_count > 0 ? " among those that its residency allows" : "",
                     cut->regions[nearest].name, (double)rtt_us[nearest] / 1000);
}

/* ---- atoms ---- */

static int atom_add(struct cut *cut, const size_t *country, size_t country_count, bool kept,
                    bool demand, struct error *err)
{
    struct cut_atom *atom = &cut->atoms[cut->atom_count++];
    *atom = (struct cut_atom){.country = country,
                              .country_count = country_count,
                              .regions = UINT64_MAX,
                              .parts = kept ? 1 : cut->topo->countries[country[0]].parts,
                              .alone = kept || cut->topo->countries[country[0]].residency.alone};
    for (size_t i = 0; i < country_count; i++) {
        const struct topo_country *c = &cut->topo->countries[country[i]];
        double week = 0;
        for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
            week += c->rps[slot] * (TOPO_SLOT_MIN * 60);
        atom->weight += demand ? (int64_t)week + 1 : c->customers;
        uint64_t regions = regions_of(cut, country[i]);
        if (regions == 0)
            return refuse_country(cut, country[i], err);
        atom->regions &= regions;
    }
    if (atom->regions == 0)
        return error_set(err, ERR_CONFLICT,
                         "cells.%s.keep: no region is allowed and near enough for all its "
                         "countries; part them, or raise rtt_max",
                         cut->topo->cells[cut->topo->countries[country[0]].cell].name);
    cut->weight += atom->weight;
    return 0;
}

static int find_atoms(struct cut *cut, bool demand, struct arena *a, struct error *err)
{
    const struct topo *topo = cut->topo;
    size_t *numbers = arena_alloc(a, topo->country_count, sizeof numbers[0]);
    cut->atoms = arena_alloc(a, topo->country_count, sizeof cut->atoms[0]);
    if (numbers == NULL || cut->atoms == NULL)
        return error_memory(err);
    for (size_t i = 0; i < topo->country_count; i++) {
        const struct topo_cell *cell = &topo->cells[topo->countries[i].cell];
        numbers[i] = i;
        if (cell->keep && cell->country[0] != i)
            continue; /* came with its first */
        if (atom_add(cut, cell->keep ? cell->country : &numbers[i],
                     cell->keep ? cell->country_count : 1, cell->keep, demand, err) != 0)
            return -1;
    }
    return 0;
}

static int find_apart(struct cut *cut, struct arena *a, struct error *err)
{
    size_t n = cut->atom_count;
    cut->apart = arena_alloc(a, n * n, sizeof cut->apart[0]);
    if (cut->apart == NULL)
        return error_memory(err);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            const struct cut_atom *one = &cut->atoms[i], *other = &cut->atoms[k];
            cut->apart[i * n + k] =
                i != k && (one->alone || other->alone || (one->regions & other->regions) == 0 ||
                           !topo_may_share(cut->topo, one->country[0], other->country[0]));
        }
    return 0;
}

/* Whether slot `one` of all countries is at most slot `other`; of equal ones the first stays. */
static bool is_below(const struct topo *topo, size_t one, size_t other)
{
    bool less = one > other;
    for (size_t i = 0; i < topo->country_count; i++) {
        const double *rps = topo->countries[i].rps;
        if (rps[one] > rps[other])
            return false;
        less = less || rps[one] < rps[other];
    }
    return less;
}

static int find_slots(struct cut *cut, struct arena *a, struct error *err)
{
    const struct topo *topo = cut->topo;
    size_t slots[TOPO_SLOTS];
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        bool below = false;
        for (size_t other = 0; other < TOPO_SLOTS && !below; other++)
            below = other != slot && is_below(topo, slot, other);
        if (!below)
            slots[cut->slot_count++] = slot;
    }
    for (size_t i = 0; i < cut->atom_count; i++) {
        double *rps = arena_alloc(a, cut->slot_count, sizeof rps[0]);
        if (rps == NULL)
            return error_memory(err);
        for (size_t k = 0; k < cut->atoms[i].country_count; k++)
            for (size_t s = 0; s < cut->slot_count; s++)
                rps[s] += topo->countries[cut->atoms[i].country[k]].rps[slots[s]];
        cut->atoms[i].rps = rps;
    }
    return 0;
}

int cut_init(struct cut *cut, const struct topo *topo, bool demand, struct arena *a,
             struct error *err)
{
    *cut = (struct cut){.topo = topo, .zones = (int64_t)topo->cells[0].zone_count};
    cut->rules = capacity_rules(topo, a, err);
    if (cut->rules == NULL || find_regions(cut, a, err) != 0 || find_rtts(cut, a, err) != 0 ||
        find_atoms(cut, demand, a, err) != 0 || find_slots(cut, a, err) != 0)
        return -1;
    return find_apart(cut, a, err);
}

/* ---- costs ---- */

double cut_peak(const struct cut *cut, const double *rps)
{
    double peak_rps = 0;
    for (size_t s = 0; s < cut->slot_count; s++)
        peak_rps = rps[s] > peak_rps ? rps[s] : peak_rps;
    return peak_rps;
}

int64_t cut_price(const struct cut *cut, uint64_t regions)
{
    int64_t price = INT64_MAX;
    for (size_t r = 0; r < cut->region_count; r++)
        if (regions >> r & 1 && cut->regions[r].price < price)
            price = cut->regions[r].price;
    return price;
}

int64_t cut_cost(const struct cut *cut, double peak_rps, uint64_t regions)
{
    if (regions == 0)
        return CUT_NEVER;
    return cut_price(cut, regions) * capacity_servers(cut->rules, cut->topo, peak_rps, cut->zones);
}

int64_t cut_part_weight(const struct cut_atom *atom, int64_t parts)
{
    return (atom->weight + parts - 1) / parts;
}

int64_t cut_alone(const struct cut *cut, const struct cut_atom *atom, int64_t weight_max,
                  int64_t *parts)
{
    int64_t best = CUT_NEVER;
    double peak_rps = cut_peak(cut, atom->rps);
    for (int64_t count = 1; count <= atom->parts; count++) {
        if (cut_part_weight(atom, count) > weight_max)
            continue;
        int64_t cost = count * cut_cost(cut, peak_rps / (double)count, atom->regions);
        if (cost < best) {
            best = cost;
            *parts = count;
        }
    }
    return best;
}
