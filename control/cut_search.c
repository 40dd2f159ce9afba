/* Some cuts of any number of atoms: a greedy start, then simulated annealing over moves of an atom
 * to another cell, swaps of two and mergers of two cells (Kirkpatrick, Gelatt and Vecchi 1983). */
#include <string.h>

#include "base/arena.h"
#include "base/fmath.h"
#include "base/rng.h"
#include "control/cut.h"

enum {
    TRIES_PER_ATOM = 4000,
    TRIES_MIN = 40000,
    NO_CELL = UINT16_MAX,
};

struct room { /* a cell */
    double *rps;
    int64_t weight;
    uint64_t regions;
    size_t count;
    double peak_rps, value;
};

struct cut_search {
    const struct cut *cut;
    struct rng rng;
    double soft;       /* servers that a request/s takes, whole ones or not, none lost */
    bool bounded;      /* some atom may not use some region */
    bool *ruled;       /* [atom] may not share with some other */
    size_t *order;     /* [atom] by weight, the heaviest first */
    struct room *room; /* [atom_count + 1] */
    size_t room_count;
    uint16_t *in;          /* [atom] */
    double *left, *joined; /* [slot_count] */
    size_t *loose;         /* atoms that may move */
    size_t loose_count;
    int64_t weight_max;
};

/* ---- set up ---- */

static void order_atoms(struct cut_search *s)
{
    const struct cut_atom *atoms = s->cut->atoms;
    for (size_t i = 0; i < s->cut->atom_count; i++) {
        size_t at = i;
        for (; at > 0 && atoms[s->order[at - 1]].weight < atoms[i].weight; at--)
            s->order[at] = s->order[at - 1];
        s->order[at] = i;
    }
}

struct cut_search *cut_search_new(const struct cut *cut, uint64_t seed, struct arena *a)
{
    struct cut_search *s = arena_alloc(a, 1, sizeof *s);
    size_t n = cut->atom_count;
    if (s == NULL)
        return NULL;
    s->cut = cut;
    rng_named(&s->rng, seed, 0, "plan", "frontier");
    s->ruled = arena_alloc(a, n, sizeof s->ruled[0]);
    s->order = arena_alloc(a, n, sizeof s->order[0]);
    s->loose = arena_alloc(a, n, sizeof s->loose[0]);
    s->room = arena_alloc(a, n + 1, sizeof s->room[0]);
    s->in = arena_alloc(a, n, sizeof s->in[0]);
    s->left = arena_alloc(a, 2 * cut->slot_count, sizeof s->left[0]);
    if (s->ruled == NULL || s->order == NULL || s->loose == NULL || s->room == NULL ||
        s->in == NULL || s->left == NULL)
        return NULL;
    s->joined = s->left + cut->slot_count;
    for (size_t i = 0; i <= n; i++)
        if ((s->room[i].rps = arena_alloc(a, cut->slot_count, sizeof(double))) == NULL)
            return NULL;
    for (size_t i = 0; i < n; i++) {
        s->bounded = s->bounded || cut->atoms[i].regions != cut->atoms[0].regions;
        for (size_t k = 0; k < n; k++)
            s->ruled[i] = s->ruled[i] || cut->apart[i * n + k];
    }
    for (size_t i = 0; i < cut->topo->service_count; i++)
        if (!cut->rules[i].store)
            s->soft += cut->rules[i].load / cut->rules[i].server_rps;
    order_atoms(s);
    return s;
}

/* ---- cells ---- */

/* What a cell is worth avoiding: its cost, and a little of its peak, which leads from one whole
 * server to the next. */
static double value_of(const struct cut_search *s, double peak_rps, uint64_t regions)
{
    if (peak_rps <= 0)
        return 0;
    return (double)cut_cost(s->cut, peak_rps, regions) +
           0.1 * s->soft * peak_rps * (double)cut_price(s->cut, regions);
}

static double peak_with(const struct cut_search *s, const double *one, const double *other,
                        double factor, double *out)
{
    double peak_rps = 0;
    for (size_t i = 0; i < s->cut->slot_count; i++) {
        double rps = one[i] + factor * other[i];
        out[i] = rps;
        peak_rps = rps > peak_rps ? rps : peak_rps;
    }
    return peak_rps;
}

static uint64_t regions_without(const struct cut_search *s, uint16_t room, size_t atom)
{
    uint64_t regions = UINT64_MAX;
    if (!s->bounded)
        return s->cut->atoms[0].regions;
    for (size_t i = 0; i < s->loose_count; i++)
        if (s->in[s->loose[i]] == room && s->loose[i] != atom)
            regions &= s->cut->atoms[s->loose[i]].regions;
    return regions;
}

/* Whether `atom` may be with all of `room` but `spared`. */
static bool fits_rules(const struct cut_search *s, size_t atom, uint16_t room, size_t spared)
{
    if (!s->ruled[atom])
        return true;
    for (size_t i = 0; i < s->loose_count; i++) {
        size_t other = s->loose[i];
        if (s->in[other] == room && other != spared &&
            s->cut->apart[atom * s->cut->atom_count + other])
            return false;
    }
    return true;
}

static void room_set(struct cut_search *s, uint16_t room, const double *rps, double peak_rps,
                     uint64_t regions, double value)
{
    struct room *r = &s->room[room];
    memcpy(r->rps, rps, s->cut->slot_count * sizeof rps[0]);
    r->peak_rps = peak_rps;
    r->regions = regions;
    r->value = value;
}

static uint16_t room_new(struct cut_search *s)
{
    struct room *r = &s->room[s->room_count];
    memset(r->rps, 0, s->cut->slot_count * sizeof r->rps[0]);
    *r = (struct room){.rps = r->rps, .regions = UINT64_MAX};
    return (uint16_t)s->room_count++;
}

/* Close an empty cell: the last one takes its number. */
static void room_close(struct cut_search *s, uint16_t room)
{
    uint16_t last = (uint16_t)--s->room_count;
    struct room closed = s->room[room];
    s->room[room] = s->room[last];
    s->room[last] = closed;
    for (size_t i = 0; i < s->loose_count; i++)
        if (s->in[s->loose[i]] == last)
            s->in[s->loose[i]] = room;
}

/* ---- moves ---- */

static bool is_taken(struct cut_search *s, double change, double heat)
{
    double luck = rng_f64(&s->rng);
    return change <= 0 || (heat > 0 && luck < fmath_exp(-change / heat));
}

static void try_move(struct cut_search *s, size_t atom, uint16_t to, double heat)
{
    const struct cut_atom *a = &s->cut->atoms[atom];
    uint16_t from = s->in[atom];
    struct room *source = &s->room[from], *target = &s->room[to];
    if (target->weight + a->weight > s->weight_max || (target->regions & a->regions) == 0 ||
        !fits_rules(s, atom, to, atom) || (target->count == 0 && source->count == 1))
        return;
    double left_rps = source->count == 1 ? 0 : peak_with(s, source->rps, a->rps, -1, s->left);
    double joined_rps = peak_with(s, target->rps, a->rps, 1, s->joined);
    uint64_t left_regions = regions_without(s, from, atom);
    double left_value = value_of(s, left_rps, left_regions);
    double joined_value = value_of(s, joined_rps, target->regions & a->regions);
    if (!is_taken(s, left_value + joined_value - source->value - target->value, heat))
        return;
    room_set(s, to, s->joined, joined_rps, target->regions & a->regions, joined_value);
    target->weight += a->weight;
    target->count++;
    s->in[atom] = to;
    source->weight -= a->weight;
    if (--source->count == 0)
        room_close(s, from);
    else
        room_set(s, from, s->left, left_rps, left_regions, left_value);
}

static void try_swap(struct cut_search *s, size_t one, size_t other, double heat)
{
    const struct cut_atom *a = &s->cut->atoms[one], *b = &s->cut->atoms[other];
    uint16_t here = s->in[one], there = s->in[other];
    struct room *source = &s->room[here], *target = &s->room[there];
    int64_t more = b->weight - a->weight;
    if (here == there || source->weight + more > s->weight_max ||
        target->weight - more > s->weight_max || !fits_rules(s, one, there, other) ||
        !fits_rules(s, other, here, one))
        return;
    uint64_t here_regions = regions_without(s, here, one) & b->regions;
    uint64_t there_regions = regions_without(s, there, other) & a->regions;
    if (here_regions == 0 || there_regions == 0)
        return;
    peak_with(s, source->rps, a->rps, -1, s->left);
    double here_rps = peak_with(s, s->left, b->rps, 1, s->left);
    peak_with(s, target->rps, b->rps, -1, s->joined);
    double there_rps = peak_with(s, s->joined, a->rps, 1, s->joined);
    double here_value = value_of(s, here_rps, here_regions);
    double there_value = value_of(s, there_rps, there_regions);
    if (!is_taken(s, here_value + there_value - source->value - target->value, heat))
        return;
    room_set(s, here, s->left, here_rps, here_regions, here_value);
    room_set(s, there, s->joined, there_rps, there_regions, there_value);
    source->weight += more;
    target->weight -= more;
    s->in[one] = there;
    s->in[other] = here;
}

static void try_merge(struct cut_search *s, uint16_t one, uint16_t other, double heat)
{
    struct room *a = &s->room[one], *b = &s->room[other];
    if (one == other || a->weight + b->weight > s->weight_max || (a->regions & b->regions) == 0)
        return;
    for (size_t i = 0; i < s->loose_count; i++)
        if (s->in[s->loose[i]] == other && !fits_rules(s, s->loose[i], one, s->loose[i]))
            return;
    double rps = peak_with(s, a->rps, b->rps, 1, s->joined);
    double value = value_of(s, rps, a->regions & b->regions);
    if (!is_taken(s, value - a->value - b->value, heat))
        return;
    room_set(s, one, s->joined, rps, a->regions & b->regions, value);
    a->weight += b->weight;
    a->count += b->count;
    for (size_t i = 0; i < s->loose_count; i++)
        if (s->in[s->loose[i]] == other)
            s->in[s->loose[i]] = one;
    room_close(s, other);
}

/* ---- a whole search ---- */

static void place_first(struct cut_search *s, size_t atom)
{
    const struct cut_atom *a = &s->cut->atoms[atom];
    double best = value_of(s, cut_peak(s->cut, a->rps), a->regions);
    uint16_t at = NO_CELL;
    for (size_t r = 0; r < s->room_count; r++) {
        const struct room *room = &s->room[r];
        if (room->weight + a->weight > s->weight_max || (room->regions & a->regions) == 0 ||
            !fits_rules(s, atom, (uint16_t)r, atom))
            continue;
        double more =
            value_of(s, peak_with(s, room->rps, a->rps, 1, s->joined), room->regions & a->regions) -
            room->value;
        if (more < best) {
            best = more;
            at = (uint16_t)r;
        }
    }
    if (at == NO_CELL)
        at = room_new(s);
    struct room *room = &s->room[at];
    double rps = peak_with(s, room->rps, a->rps, 1, s->joined);
    uint64_t regions = room->regions & a->regions;
    room_set(s, at, s->joined, rps, regions, value_of(s, rps, regions));
    room->weight += a->weight;
    room->count++;
    s->in[atom] = at;
}

static void anneal(struct cut_search *s)
{
    size_t tries = s->loose_count * TRIES_PER_ATOM;
    if (tries < TRIES_MIN)
        tries = TRIES_MIN;
    double hot = 3 * (double)cut_price(s->cut, UINT64_MAX);
    for (size_t i = 0; i < tries && s->loose_count > 1; i++) {
        double left = 1 - (double)i / (double)tries, heat = left < 0.1 ? 0 : hot * left * left;
        uint32_t kind = rng_below(&s->rng, 16);
        size_t atom = s->loose[rng_below(&s->rng, (uint32_t)s->loose_count)];
        if (kind < 9) {
            uint32_t to = rng_below(&s->rng, (uint32_t)s->room_count + 1);
            if (to == s->room_count && s->room_count < s->loose_count) {
                uint16_t fresh = room_new(s);
                try_move(s, atom, fresh, heat);
                if (s->room_count > fresh && s->room[fresh].count == 0)
                    room_close(s, fresh);
            } else if (to < s->room_count && to != s->in[atom]) {
                try_move(s, atom, (uint16_t)to, heat);
            }
        } else if (kind < 15) {
            try_swap(s, atom, s->loose[rng_below(&s->rng, (uint32_t)s->loose_count)], heat);
        } else {
            uint32_t other = rng_below(&s->rng, (uint32_t)s->room_count);
            try_merge(s, s->in[atom], (uint16_t)other, heat);
        }
    }
}

/* Cost what was found anew, from its atoms. */
static void count_up(struct cut_search *s, struct cut_plan *plan)
{
    for (size_t r = 0; r < s->room_count; r++) {
        struct room *room = &s->room[r];
        uint64_t regions = UINT64_MAX;
        memset(room->rps, 0, s->cut->slot_count * sizeof room->rps[0]);
        for (size_t i = 0; i < s->loose_count; i++) {
            const struct cut_atom *a = &s->cut->atoms[s->loose[i]];
            if (s->in[s->loose[i]] != r)
                continue;
            peak_with(s, room->rps, a->rps, 1, room->rps);
            regions &= a->regions;
            plan->cell[s->loose[i]] = (uint16_t)r;
        }
        plan->cost += cut_cost(s->cut, cut_peak(s->cut, room->rps), regions);
        plan->weight = room->weight > plan->weight ? room->weight : plan->weight;
    }
}

bool cut_search_find(struct cut_search *s, int64_t weight_max, struct cut_plan *plan)
{
    uint16_t fixed = 0;
    s->room_count = s->loose_count = 0;
    s->weight_max = weight_max;
    plan->cost = plan->weight = 0;
    for (size_t k = 0; k < s->cut->atom_count; k++) {
        size_t i = s->order[k];
        const struct cut_atom *a = &s->cut->atoms[i];
        plan->parts[i] = 1;
        s->in[i] = NO_CELL;
        if (a->weight > weight_max || a->alone)
            continue;
        s->loose[s->loose_count++] = i;
        place_first(s, i);
    }
    anneal(s);
    count_up(s, plan);
    for (size_t i = 0; i < s->cut->atom_count; i++) {
        const struct cut_atom *a = &s->cut->atoms[i];
        if (a->weight <= weight_max && !a->alone)
            continue;
        int64_t cost = cut_alone(s->cut, a, weight_max, &plan->parts[i]);
        if (cost >= CUT_NEVER)
            return false;
        int64_t weight = cut_part_weight(a, plan->parts[i]);
        plan->cell[i] = (uint16_t)(s->room_count + fixed++);
        plan->cost += cost;
        plan->weight = weight > plan->weight ? weight : plan->weight;
    }
    return true;
}
