/* What no cut can cost less than. */
#include <math.h>

#include "base/arena.h"
#include "control/cut.h"

enum {
    LINES = 129,      /* below the servers of a cell by its peak */
    STEPS_MAX = 1000, /* of each service that they are fitted to */
    NO_GROUP = UINT16_MAX,
};

struct cut_bounds {
    const struct cut *cut;
    size_t *list; /* of atoms under work */
    size_t list_count;
    uint16_t *group;                   /* [atom] */
    double factor;                     /* n / (n - k) */
    double per_rps[TOPO_SERVICES_MAX]; /* servers of each service that a request/s takes */
    double slope;                      /* of all, times the factor */
    double height[LINES];              /* at no peak, of lines whose slopes go up to that */
};

/* Servers of all services of a cell, from below: a step function of its peak. */
static double steps(const struct cut_bounds *b, double peak_rps)
{
    double servers = 0;
    for (size_t i = 0; i < b->cut->topo->service_count; i++)
        if (b->per_rps[i] > 0)
            servers += (double)(b->cut->zones *
                                capacity_per_zone(capacity_needed(peak_rps * b->per_rps[i], 1),
                                                  b->cut->zones, b->cut->topo->tolerance));
    return servers;
}

/* For some slopes the highest line below the steps: it touches them at the end of one. Of each
 * service the ends of the first STEPS_MAX are looked at; a cell behind those takes n / (n - k)
 * (load
 * + m) at least, which is a line of the slope `soft`. */
static void find_lines(struct cut_bounds *b)
{
    double spare = 0, far_rps = (double)INFINITY;
    for (size_t i = 0; i < b->cut->topo->service_count; i++) {
        const struct capacity_rule *rule = &b->cut->rules[i];
        double server_rps = rule->server_rps;
        if (rule->store)
            continue;
        if (b->cut->topo->goal.queue == TOPO_QUEUE_OWN && rule->queueing.own_rps < server_rps)
            server_rps = rule->queueing.own_rps;
        b->per_rps[i] = rule->load / server_rps;
        b->slope += b->factor * b->per_rps[i];
        spare += b->factor * (double)b->cut->topo->tolerance.servers;
        if (STEPS_MAX / b->per_rps[i] < far_rps)
            far_rps = STEPS_MAX / b->per_rps[i];
    }
    for (int k = 0; k < LINES; k++)
        b->height[k] = spare + b->slope * (1 - (double)k / (LINES - 1)) * far_rps;
    for (size_t i = 0; i < b->cut->topo->service_count; i++)
        for (int end = 1; b->per_rps[i] > 0 && end <= STEPS_MAX; end++) {
            double peak_rps = end / b->per_rps[i], servers = steps(b, peak_rps);
            for (int k = 0; peak_rps <= far_rps && k < LINES; k++) {
                double height = servers - b->slope * k / (LINES - 1) * peak_rps;
                b->height[k] = height < b->height[k] ? height : b->height[k];
            }
        }
}

struct cut_bounds *cut_bounds_new(const struct cut *cut, struct arena *a)
{
    struct cut_bounds *b = arena_alloc(a, 1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->cut = cut;
    b->list = arena_alloc(a, cut->atom_count, sizeof b->list[0]);
    b->group = arena_alloc(a, cut->atom_count, sizeof b->group[0]);
    if (b->list == NULL || b->group == NULL)
        return NULL;
    b->factor = (double)cut->zones / (double)(cut->zones - cut->topo->tolerance.zones);
    find_lines(b);
    return b;
}

/* The least sum of peaks: of the `heavy` heaviest of a group, no two of which fit into one cell,
 * each its own, and of the others the peak of their sum without those that ride along with the
 * heavy ones, which are as many as fit and, in that slot, ask the most for their weight. */
static double peaks_bound(struct cut_bounds *b, size_t heavy, int64_t weight_max)
{
    const struct cut *cut = b->cut;
    double own_rps = 0, others_rps = 0;
    int64_t ride = 0;
    for (size_t i = 0; i < heavy; i++) {
        own_rps += cut_peak(cut, cut->atoms[b->list[i]].rps);
        ride += weight_max - cut->atoms[b->list[i]].weight;
    }
    for (size_t slot = 0; slot < cut->slot_count; slot++) {
        double rps = 0, room = (double)ride, most = (double)INFINITY;
        for (size_t i = heavy; i < b->list_count; i++)
            rps += cut->atoms[b->list[i]].rps[slot];
        if (rps <= others_rps)
            continue;
        while (room > 0 && rps > others_rps) { /* by falling requests per weight */
            double next = -1, weight = 0, gone = 0;
            for (size_t i = heavy; i < b->list_count; i++) {
                const struct cut_atom *a = &cut->atoms[b->list[i]];
                double ratio = a->rps[slot] / (double)a->weight;
                if (ratio >= most || ratio < next)
                    continue;
                if (ratio > next)
                    weight = gone = 0;
                next = ratio;
                weight += (double)a->weight;
                gone += a->rps[slot];
            }
            if (next < 0)
                break;
            rps -= weight <= room ? gone : gone * room / weight;
            room -= weight;
            most = next;
        }
        others_rps = rps > others_rps ? rps : others_rps;
    }
    return own_rps + others_rps;
}

/* The same service by service: a cell takes at least n / (n - k) (load + m) servers of each, and at
 * least what one takes. The larger of both is convex, so nothing is less than equal shares. */
static double services_bound(const struct cut_bounds *b, double peak_rps, double cells)
{
    const struct cut *cut = b->cut;
    double spare = (double)cut->topo->tolerance.servers, zones = (double)cut->zones, sum = 0;
    double least = zones * (double)capacity_per_zone(1, cut->zones, cut->topo->tolerance);
    for (size_t i = 0; i < cut->topo->service_count; i++) {
        double linear = b->factor * (peak_rps * b->per_rps[i] / cells + spare);
        double rows = cells * (linear > least ? linear : least) / zones;
        double whole = (double)(int64_t)rows;
        if (b->per_rps[i] > 0)
            sum += zones * (rows - whole > 1e-6 ? whole + 1 : whole);
    }
    return sum;
}

/* The atoms of one group, in b->list: those that some chain of shared cells could join. */
static int64_t group_bound(struct cut_bounds *b, int64_t weight_max)
{
    const struct cut *cut = b->cut;
    int64_t weight = 0;
    size_t heavy = 0;
    uint64_t regions = 0;
    for (size_t i = 0; i < b->list_count; i++) {
        const struct cut_atom *a = &cut->atoms[b->list[i]];
        weight += a->weight;
        regions |= a->regions;
        if (i == heavy && (i == 0 || a->weight + cut->atoms[b->list[i - 1]].weight > weight_max))
            heavy++;
    }
    int64_t cells = (weight + weight_max - 1) / weight_max;
    cells = (int64_t)heavy > cells ? (int64_t)heavy : cells;
    double peak_rps = 0;
    for (size_t i = 0; i <= heavy; i++) {
        double rps = peaks_bound(b, i, weight_max);
        peak_rps = rps > peak_rps ? rps : peak_rps;
    }
    double servers = services_bound(b, peak_rps, (double)cells);
    for (int k = 0; k < LINES; k++) {
        double line = (double)cells * b->height[k] + b->slope * k / (LINES - 1) * peak_rps;
        servers = line > servers ? line : servers;
    }
    int64_t zones = (int64_t)(servers / (double)cut->zones);
    zones += servers / (double)cut->zones - (double)zones > 1e-6;
    return zones * cut->zones * cut_price(cut, regions);
}

static void sort_list(struct cut_bounds *b)
{
    const struct cut_atom *atoms = b->cut->atoms;
    for (size_t i = 1; i < b->list_count; i++) {
        size_t at = i, moved = b->list[i];
        for (; at > 0 && atoms[b->list[at - 1]].weight < atoms[moved].weight; at--)
            b->list[at] = b->list[at - 1];
        b->list[at] = moved;
    }
}

/* Give `atom` and all that may share with it, and so on, the same group, and list it. */
static void spread(struct cut_bounds *b, size_t atom, uint16_t group)
{
    size_t n = b->cut->atom_count, done = 0, count = 0;
    b->group[atom] = group;
    b->list[count++] = atom;
    for (; done < count; done++)
        for (size_t i = 0; i < n; i++)
            if (b->group[i] == NO_GROUP && !b->cut->apart[b->list[done] * n + i]) {
                b->group[i] = group;
                b->list[count++] = i;
            }
    b->list_count = count;
    sort_list(b);
}

int64_t cut_bound(struct cut_bounds *b, int64_t weight_max)
{
    int64_t bound = 0, parts;
    uint16_t groups = 1;
    for (size_t i = 0; i < b->cut->atom_count; i++) {
        const struct cut_atom *a = &b->cut->atoms[i];
        bool apart = a->weight > weight_max || a->alone;
        b->group[i] = apart ? 0 : NO_GROUP;
        if (apart)
            bound += cut_alone(b->cut, a, weight_max, &parts);
    }
    for (size_t i = 0; i < b->cut->atom_count; i++) {
        if (b->group[i] != NO_GROUP)
            continue;
        spread(b, i, groups);
        if (b->list_count == 1)
            bound += cut_alone(b->cut, &b->cut->atoms[i], weight_max, &parts);
        else
            bound += group_bound(b, weight_max);
        groups++;
    }
    return bound;
}
