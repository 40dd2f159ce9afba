#include "base/topo_cut.h"

#include <string.h>

#include "base/data.h"
#include "base/error.h"
#include "base/json_place.h"
#include "base/topo.h"

/* ---- a country, or a part of one ---- */

const char *topo_home(const struct topo_country *country)
{
    return country->of != NULL ? country->of : country->name;
}

/* ISO 3166-1 never assigns these. */
static bool is_user_code(const char *code)
{
    if (strlen(code) != 2 || code[1] < 'A' || code[1] > 'Z')
        return false;
    return strcmp(code, "AA") == 0 || strcmp(code, "ZZ") == 0 || code[0] == 'X' ||
           (code[0] == 'Q' && code[1] >= 'M');
}

int topo_cut_fact(struct data_country *fact, const struct topo_country *country, struct error *err)
{
    char got[JSON_QUOTE_MAX];
    bool known = data_country_at(country->name, fact);
    if (country->of == NULL)
        return known
                   ? 0
                   : error_set(err, ERR_UNKNOWN,
                               is_user_code(country->name)
                                   ? "countries.%s: a code of users, for a part of a country: say "
                                     "of which, as \"of\": \"GB\""
                                   : "countries.%s: unknown country; use ISO 3166 codes in "
                                     "capitals, such as DE or GB",
                               country->name);
    if (known || !is_user_code(country->name))
        return error_set(err, ERR_RANGE,
                         "countries.%s: a part of a country has a code that no country has: AA, QM "
                         "to QZ, XA to XZ but XK, or ZZ",
                         country->name);
    if (!data_country_at(country->of, fact)) {
        json_quote(got, country->of);
        return error_set(err, ERR_UNKNOWN, "countries.%s.of: unknown country %s", country->name,
                         got);
    }
    return 0;
}

/* ---- residency ---- */

static bool names(const char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

/* The rule of `country` that keeps `other` out, as the file spells it; NULL when none does. */
static const char *forbids(const struct topo_country *country, const struct topo_country *other)
{
    const struct topo_residency *r = &country->residency;
    const char *home = topo_home(other);
    if (r->alone)
        return "alone";
    if (r->only_with_count > 0 && !names(r->only_with, r->only_with_count, home) &&
        strcmp(home, topo_home(country)) != 0)
        return "only_with";
    return names(r->not_with, r->not_with_count, home) ? "not_with" : NULL;
}

bool topo_may_share(const struct topo *topo, size_t one, size_t other)
{
    const struct topo_country *a = &topo->countries[one], *b = &topo->countries[other];
    return forbids(a, b) == NULL && forbids(b, a) == NULL;
}

bool topo_may_lie(const struct topo_country *country, const char *region)
{
    const struct topo_residency *r = &country->residency;
    return r->region_count == 0 || names(r->regions, r->region_count, region);
}

/* Every name of a list is a country of the topology, and another one. */
static int check_names(const struct topo *topo, const struct topo_country *c, const char *key,
                       const char *const *list, size_t count, struct error *err)
{
    char got[JSON_QUOTE_MAX];
    for (size_t i = 0; i < count; i++) {
        json_quote(got, list[i]);
        if (topo_country_at(topo, list[i]) == topo->country_count)
            return error_set(err, ERR_UNKNOWN,
                             "countries.%s.residency.%s[%zu]: %s is not among the countries",
                             c->name, key, i, got);
        if (strcmp(list[i], topo_home(c)) == 0)
            return error_set(err, ERR_CONFLICT,
                             "countries.%s.residency.%s[%zu]: names the country itself", c->name,
                             key, i);
    }
    return 0;
}

/* What a rule permits, the other country's rule must too, or else it permits nothing. */
static int check_only_with(const struct topo *topo, const struct topo_country *c, struct error *err)
{
    const struct topo_residency *r = &c->residency;
    for (size_t i = 0; i < r->only_with_count; i++) {
        const struct topo_country *other = &topo->countries[topo_country_at(topo, r->only_with[i])];
        const char *rule = forbids(other, c);
        if (names(r->not_with, r->not_with_count, r->only_with[i])) {
            other = c;
            rule = "not_with";
        }
        if (rule != NULL)
            return error_set(err, ERR_CONFLICT,
                             "countries.%s.residency.only_with[%zu]: %s may share with %s, but "
                             "countries.%s.residency.%s forbids it; drop one of the two",
                             c->name, i, c->name, r->only_with[i], other->name, rule);
    }
    return 0;
}

static int check_residency(const struct topo *topo, const struct topo_country *c, struct error *err)
{
    const struct topo_residency *r = &c->residency;
    struct data_region region;
    char got[JSON_QUOTE_MAX];
    if (r->alone && r->only_with_count > 0)
        return error_set(err, ERR_CONFLICT,
                         "countries.%s.residency: alone and only_with contradict each other; keep "
                         "one of the two",
                         c->name);
    if (check_names(topo, c, "only_with", r->only_with, r->only_with_count, err) != 0 ||
        check_names(topo, c, "not_with", r->not_with, r->not_with_count, err) != 0)
        return -1;
    for (size_t i = 0; i < r->region_count; i++)
        if (!data_region_at(r->regions[i], &region)) {
            json_quote(got, r->regions[i]);
            return error_set(err, ERR_UNKNOWN, "countries.%s.residency.regions[%zu]: no region %s",
                             c->name, i, got);
        }
    return check_only_with(topo, c, err);
}

int topo_cut_rules(const struct topo *topo, struct error *err)
{
    struct data_region region;
    char got[JSON_QUOTE_MAX];
    for (size_t i = 0; i < topo->country_count; i++)
        if (check_residency(topo, &topo->countries[i], err) != 0)
            return -1;
    for (size_t i = 0; i < topo->candidate_count; i++) {
        json_quote(got, topo->candidates[i].region);
        if (!data_region_at(topo->candidates[i].region, &region))
            return error_set(err, ERR_UNKNOWN,
                             "regions[%zu].region: no region %s; write provider/region, as "
                             "aws/eu-central-1",
                             i, got);
        for (size_t k = 0; k < i; k++)
            if (strcmp(topo->candidates[k].region, region.name) == 0)
                return error_set(err, ERR_DUPLICATE, "regions[%zu].region: %s is given twice", i,
                                 got);
    }
    return 0;
}

/* ---- the topology's own cells ---- */

static bool all_may_lie(const struct topo *topo, const struct topo_cell *cell, const char *region)
{
    for (size_t i = 0; i < cell->country_count; i++)
        if (!topo_may_lie(&topo->countries[cell->country[i]], region))
            return false;
    return true;
}

int topo_cut_region(const char **region, const struct topo *topo, const struct topo_cell *cell,
                    struct error *err)
{
    const struct topo_country *bound = NULL;
    for (size_t i = 0; i < cell->country_count && bound == NULL; i++)
        if (topo->countries[cell->country[i]].residency.region_count > 0)
            bound = &topo->countries[cell->country[i]];
    *region = NULL;
    if (bound == NULL)
        return 0;
    for (size_t i = 0; i < bound->residency.region_count && *region == NULL; i++)
        if (all_may_lie(topo, cell, bound->residency.regions[i]))
            *region = bound->residency.regions[i];
    return *region != NULL ? 0
                           : error_set(err, ERR_CONFLICT,
                                       "cells.%s.region: none is in the residency.regions of all "
                                       "its countries; name one in all lists, or part them",
                                       cell->name);
}

int topo_cut_cell(const struct topo *topo, const struct topo_cell *cell, struct error *err)
{
    for (size_t i = 0; i < cell->country_count; i++) {
        const struct topo_country *c = &topo->countries[cell->country[i]];
        if (!topo_may_lie(c, cell->region))
            return error_set(err, ERR_CONFLICT,
                             "cells.%s.region: %s is not among countries.%s.residency.regions",
                             cell->name, cell->region, c->name);
        for (size_t k = 0; k < cell->country_count; k++) {
            const struct topo_country *other = &topo->countries[cell->country[k]];
            const char *rule = k == i ? NULL : forbids(c, other);
            if (rule != NULL)
                return error_set(err, ERR_CONFLICT,
                                 "countries.%s.residency.%s: cell %s serves %s too; give %s a cell "
                                 "without it, or drop the rule",
                                 c->name, rule, cell->name, other->name, c->name);
        }
    }
    return 0;
}
