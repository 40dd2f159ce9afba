/* fuzz_topo.c - topologies: what is accepted fits together, and can be planned. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/dist.h"
#include "base/error.h"
#include "base/topo.h"
#include "control/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_country(const struct topo *t, size_t index)
{
    const struct topo_country *c = &t->countries[index];
    size_t in = 0;
    assert(topo_country_at(t, c->name) == index);
    assert(c->customers > 0);
    assert(isfinite(c->peak_rps) && c->peak_rps > 0);
    assert(c->utc_offset_min >= -14 * 60 && c->utc_offset_min <= 14 * 60);
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        assert(isfinite(c->rps[slot]) && c->rps[slot] >= 0 && c->rps[slot] <= c->peak_rps);
    assert(c->rps[topo_peak_slot(c)] == c->peak_rps);
    assert(c->cell < t->cell_count);
    for (size_t i = 0; i < t->cell_count; i++)
        for (size_t k = 0; k < t->cells[i].country_count; k++)
            if (t->cells[i].country[k] == index) {
                assert(i == c->cell);
                in++;
            }
    assert(in == 1);
}

static void check_cell(const struct topo *t, size_t index)
{
    const struct topo_cell *cell = &t->cells[index];
    assert(topo_cell_at(t, cell->name) == index);
    assert(cell->country_count >= 1);
    for (size_t i = 0; i < cell->country_count; i++) {
        assert(cell->country[i] < t->country_count);
        assert(strcmp(t->countries[cell->country[i]].name, cell->countries[i]) == 0);
        assert(cell->client_rtt_us[i] > 0);
    }
    assert(cell->region != NULL);
    assert(cell->zone_count >= 1 && cell->zone_count <= TOPO_ZONES_MAX);
    assert(t->tolerance.zones < (int64_t)cell->zone_count);
    assert(cell->zone_rtt_us > 0);
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        assert(isfinite(topo_cell_rps(t, cell, slot)));
}

static void check_spread(const struct topo_service *service)
{
    struct dist d;
    struct error err;
    assert(service->time_us >= 1);
    if (topo_dist(&d, service, 1000, &err) != 0) {
        assert(service->spread == DIST_EMPIRICAL && err.code == ERR_MISSING);
        return;
    }
    assert(dist_mean(&d) == (double)service->time_us * 1000 && dist_cs2(&d) >= 0);
}

static void check_services(const struct capacity_cell *cell, const struct topo *t, int64_t given)
{
    int64_t servers = 0;
    for (size_t i = 0; i < cell->service_count; i++) {
        const struct capacity_service *s = &cell->services[i];
        double most = capacity_server_rps(&t->services[i], t->target_utilisation);
        int64_t left = (cell->zones - t->tolerance.zones) * s->per_zone_planned;
        assert(s->needed >= 1 && s->per_zone_planned >= 1);
        assert((double)s->needed * most >= s->peak_rps * (1 - 1e-8));
        assert(left - t->tolerance.servers >= s->needed);
        assert(s->per_zone == (given > 0 ? given : s->per_zone_planned));
        assert(s->servers == s->per_zone * cell->zones);
        assert(!isnan(s->busy) && s->busy >= 0);
        assert(!isnan(s->busy_after_loss) && s->busy_after_loss >= s->busy);
        servers += s->servers;
    }
    assert(cell->servers == servers);
    assert(given > 0 || cell->enough);
    assert(cell->customers_share > 0 && cell->customers_share < 1 + 1e-9);
    assert(cell->demand_share >= 0 && cell->demand_share < 1 + 1e-9);
}

static void check_plan(const struct capacity_plan *plan, const struct topo *t)
{
    int64_t servers = 0;
    assert(plan->cell_count == t->cell_count);
    for (size_t i = 0; i < plan->cell_count; i++) {
        check_services(&plan->cells[i], t, t->cells[i].servers_per_zone);
        servers += plan->cells[i].servers;
    }
    check_services(&plan->together, t, 0);
    assert(plan->servers == servers);
    assert(isfinite(plan->peaks_ratio) && plan->peaks_ratio > 1 - 1e-9);
    assert(isfinite(plan->separation_cost));
    assert(plan->blast_customers > 0 && plan->blast_customers < 1 + 1e-9);
}

static void check_proof(const struct proof *proof, const struct capacity_plan *plan)
{
    assert(proof->checks == proof->losses * TOPO_SLOTS);
    assert(proof->failures == 0 || !plan->enough);
    assert(proof->failures > 0 || plan->enough || !proof->complete);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct error err = {0};
    struct topo t, before;
    struct capacity_plan plan;
    memset(&t, 0x5a, sizeof t);
    memcpy(&before, &t, sizeof t);
    if (topo_parse(&t, (const char *)data, size, NULL, 0, &a, &err) != 0) {
        assert(err.code != ERR_NONE && err.code != ERR_MEMORY && err.text[0] != '\0');
        assert(memcmp(&t, &before, sizeof t) == 0);
        arena_release(&a);
        return 0;
    }
    assert(t.share_sum > 0);
    for (size_t i = 0; i < t.service_count; i++)
        check_spread(&t.services[i]);
    for (size_t i = 0; i < t.country_count; i++)
        check_country(&t, i);
    for (size_t i = 0; i < t.cell_count; i++)
        check_cell(&t, i);
    if (capacity_plan(&plan, &t, &a, &err) == 0) {
        struct plan whole;
        check_plan(&plan, &t);
        assert(plan_make(&whole, &t, &plan, &a, &err) == 0);
        check_proof(&whole.proof, &plan);
        assert(json_encode(&whole, plan_fields, &a) != NULL);
    } else {
        assert(err.code == ERR_LIMIT || err.code == ERR_RANGE || err.code == ERR_MISSING);
    }
    arena_release(&a);
    return 0;
}
