#include "simulator/warn.h"

#include <math.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/dist.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"

struct warner {
    const struct topo *topo;
    const struct capacity_plan *plan;
    const struct scenario *scenario;
    struct arena *arena;
    const char **warning;
    size_t count;
};

static int warn(struct warner *w, const char *sentence)
{
    if (sentence == NULL)
        return -1;
    w->warning[w->count++] = sentence;
    return 0;
}

/* How long the measured run is in each slot of the week, us. */
static void measured_us(double slot_us[TOPO_SLOTS], const struct scenario *scenario)
{
    const int64_t length_us = (int64_t)TOPO_SLOT_MIN * 60 * 1000000;
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        slot_us[slot] = 0;
    for (int64_t at_us = scenario->warmup_us; at_us < scenario->duration_us;) {
        int64_t slot = at_us / length_us;
        int64_t end_us = (slot + 1) * length_us;
        if (end_us > scenario->duration_us)
            end_us = scenario->duration_us;
        slot_us[(scenario->start_slot + (size_t)slot) % TOPO_SLOTS] += (double)(end_us - at_us);
        at_us = end_us;
    }
}

static const char *overload(const struct warner *w, size_t cell, size_t service, double offered)
{
    const struct capacity_service *planned = &w->plan->cells[cell].services[service];
    return arena_format(w->arena,
                        "cells.%s: %s is offered %.0f %% of what its %lld server%s can do for the "
                        "whole run: it will shed about %.0f %%, more if they time out",
                        w->topo->cells[cell].name, w->topo->services[service].name, offered * 100,
                        (long long)planned->servers, planned->servers == 1 ? "" : "s",
                        (1 - 1 / offered) * 100);
}

static int warn_cell(struct warner *w, size_t index, const double slot_us[TOPO_SLOTS])
{
    const struct topo_cell *cell = &w->topo->cells[index];
    double least_rps = (double)INFINITY, requests = 0, all_us = 0;
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        if (slot_us[slot] <= 0)
            continue;
        double rps = topo_cell_rps(w->topo, cell, slot) * w->scenario->load;
        least_rps = rps < least_rps ? rps : least_rps;
        requests += rps * slot_us[slot];
        all_us += slot_us[slot];
    }
    for (size_t i = 0; i < w->topo->service_count; i++) {
        double most_rps = capacity_server_rps(&w->topo->services[i], 1) *
                          (double)w->plan->cells[index].services[i].servers;
        double share = topo_share(w->topo, i);
        if (least_rps * share > most_rps * (1 + 1e-9) &&
            warn(w, overload(w, index, i, requests / all_us * share / most_rps)) != 0)
            return -1;
    }
    return 0;
}

static int warn_spread(struct warner *w, const struct topo_service *service)
{
    if (service->spread != DIST_PARETO || service->tail > 2)
        return 0;
    return warn(w, arena_format(w->arena,
                                "services.%s.tail: %g makes the variance infinite, so means "
                                "converge slowly and their intervals are too narrow",
                                service->name, service->tail));
}

int warn_of(const char ***warnings, size_t *count, const struct topo *topo,
            const struct capacity_plan *plan, const struct scenario *scenario, struct arena *a)
{
    double slot_us[TOPO_SLOTS];
    size_t most = topo->service_count * (topo->cell_count + 1);
    struct warner w = {topo, plan, scenario, a, arena_alloc(a, most, sizeof w.warning[0]), 0};
    if (w.warning == NULL)
        return -1;
    for (size_t i = 0; i < topo->service_count; i++)
        if (warn_spread(&w, &topo->services[i]) != 0)
            return -1;
    measured_us(slot_us, scenario);
    for (size_t i = 0; i < topo->cell_count; i++)
        if (warn_cell(&w, i, slot_us) != 0)
            return -1;
    *warnings = w.warning;
    *count = w.count;
    return 0;
}
