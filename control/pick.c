/* A point of the frontier as a topology: a part of control/frontier.h. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/data.h"
#include "base/error.h"
#include "control/frontier.h"

struct codes { /* that ISO 3166 leaves to users, in the order in which they are given out */
    const struct topo *topo;
    size_t next;
};

/* The next code that no country has and the topology does not use; NULL: there is none left. */
static const char *code_next(struct codes *codes, struct arena *a)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (;;) {
        size_t at = codes->next++;
        struct data_country fact;
        char code[3] = {0};
        if (at < 26)
            memcpy(code, (char[2]){'X', letters[at]}, 2);
        else if (at < 40)
            memcpy(code, (char[2]){'Q', letters[at - 26 + 12]}, 2);
        else if (at < 42)
            memcpy(code, at == 40 ? "AA" : "ZZ", 2);
        else
            return NULL;
        if (!data_country_at(code, &fact) &&
            topo_country_at(codes->topo, code) == codes->topo->country_count)
            return arena_string(a, code, 2);
    }
}

/* One part of `count` of a country, under its own code or, from the second on, another. */
static void part_of(struct topo_country *part, const struct topo_country *country, int64_t index,
                    int64_t count, const char *code)
{
    *part = *country;
    if (index > 0) {
        part->of = topo_home(country);
        part->name = code;
    }
    part->customers = country->customers / count + (index < country->customers % count);
    if (part->customers == 0)
        part->customers = 1;
    part->peak_rps = country->peak_rps / (double)count;
    part->parts = 1;
}

/* "br-us-ca" while that is short; else the first and how many more. "in-2" of a part. */
static const char *cell_name(const struct frontier_cell *cell, int64_t part, struct arena *a)
{
    char text[40];
    size_t used = 0;
    for (size_t i = 0; i < cell->country_count && used + 3 < 18; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : "-",
                                 cell->countries[i]);
    if (cell->parts > 1)
        snprintf(text + used, sizeof text - used, "-%lld", (long long)part + 1);
    else if (used / 3 + 1 < cell->country_count)
        snprintf(text + used, sizeof text - used, "-and-%zu", cell->country_count - (used / 3 + 1));
    for (char *c = text; *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    return arena_string(a, text, strlen(text));
}

static int cell_put(struct topo *picked, const struct frontier_cell *from, struct codes *codes,
                    struct arena *a, struct error *err)
{
    const struct topo *topo = codes->topo;
    for (int64_t i = 0; i < from->parts; i++) {
        struct topo_cell *cell = &picked->cells[picked->cell_count++];
        const char *first = from->countries[0];
        const char **list = arena_alloc(a, from->country_count, sizeof list[0]);
        if (list == NULL)
            return error_memory(err);
        memcpy(list, from->countries, from->country_count * sizeof list[0]);
        for (size_t k = 0; k < from->country_count; k++) {
            const struct topo_country *c =
                &topo->countries[topo_country_at(topo, from->countries[k])];
            struct topo_country *to = &picked->countries[picked->country_count++];
            if (i > 0)
                first = list[0] = code_next(codes, a);
            if (first == NULL)
                return error_set(err, ERR_LIMIT,
                                 "the point cuts countries into more parts than there are codes "
                                 "for; pick one with fewer");
            *to = *c;
            to->utc_offset = c->utc_offset;
            if (from->parts > 1)
                part_of(to, c, i, from->parts, first);
        }
        *cell = (struct topo_cell){.name = cell_name(from, i, a),
                                   .countries = list,
                                   .country_count = from->country_count,
                                   .region = from->region,
                                   .zone_rtt_us = topo_zone_rtt_us(from->region),
                                   .zones = topo->cells[0].zones,
                                   .zone_count = topo->cells[0].zone_count};
        if (cell->name == NULL)
            return error_memory(err);
        for (size_t k = 0; k < topo->cell_count; k++)
            if (topo->cells[k].keep && strcmp(topo->cells[k].countries[0], list[0]) == 0)
                cell->keep = true;
    }
    return 0;
}

int frontier_pick(struct topo *picked, const struct frontier_point *point, const struct topo *topo,
                  struct arena *a, struct error *err)
{
    size_t countries = 0;
    struct codes codes = {.topo = topo};
    struct topo made = *topo;
    for (size_t i = 0; i < point->cell_count; i++)
        countries += point->cells[i].country_count * (size_t)point->cells[i].parts;
    made.cells = arena_alloc(a, (size_t)point->cell_count_all, sizeof made.cells[0]);
    made.countries = arena_alloc(a, countries, sizeof made.countries[0]);
    if (made.cells == NULL || made.countries == NULL)
        return error_memory(err);
    made.cell_count = made.country_count = 0;
    for (size_t i = 0; i < point->cell_count; i++)
        if (cell_put(&made, &point->cells[i], &codes, a, err) != 0)
            return -1;
    *picked = made;
    return 0;
}
