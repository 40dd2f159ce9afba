/* fuzz_scenario.c - scenarios: what is accepted and bound points at what is there. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena topo_arena;
static struct topo topo;

static void release_topo(void)
{
    arena_release(&topo_arena);
}

/* The one topology that all are bound to. */
static void parse_topo(void)
{
    static const char text[] =
        "{\"countries\": [\"GB\", \"DE\"], \"cells\": {\"gb\": {}, \"de\": {\"zones\": "
        "[\"x\", \"y\"]}}, \"services\": [\"shop\", \"back-office\"]}";
    struct error err;
    int status = topo_parse(&topo, text, sizeof text - 1, NULL, 0, &topo_arena, &err);
    assert(status == 0);
    atexit(release_topo);
}

static void check(const struct scenario *s)
{
    assert(s->topology != NULL && s->start != NULL);
    assert(s->duration_us > 0 && s->duration_us <= INT64_MAX / 1000);
    assert(s->warmup_us >= 0 && s->warmup_us < s->duration_us);
    assert(isfinite(s->load) && s->load >= 0);
    assert(s->replications >= 1 && s->seed >= 0);
    for (size_t i = 0; i < s->fault_count; i++) {
        assert(s->faults[i].at_us >= 0 && s->faults[i].at_us < s->duration_us);
        assert(s->faults[i].for_us >= 0);
        assert(s->faults[i].for_us <= INT64_MAX / 1000 - s->faults[i].at_us);
    }
    for (size_t i = 0; i < s->expect_count; i++) {
        const struct scenario_expect *e = &s->expect[i];
        assert(e->low <= e->high);
        assert(e->low > -1e300 || e->high < 1e300);
    }
}

static void check_bound(const struct scenario *s)
{
    assert(s->start_slot < TOPO_SLOTS);
    for (size_t i = 0; i < s->fault_count; i++) {
        const struct scenario_fault *f = &s->faults[i];
        assert(f->cell < topo.cell_count);
        const struct topo_cell *cell = &topo.cells[f->cell];
        assert(f->zone < cell->zone_count);
        assert(strncmp(f->scope, cell->name, strlen(cell->name)) == 0);
        if (f->kind == FAULT_SERVER_DOWN) {
            assert(f->service < topo.service_count);
            assert(f->server >= 0 && f->server < 1000000);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct error err = {0};
    struct scenario s, before;
    if (topo.cells == NULL)
        parse_topo();
    memset(&s, 0x5a, sizeof s);
    memcpy(&before, &s, sizeof s);
    if (scenario_parse(&s, (const char *)data, size, NULL, 0, &a, &err) != 0) {
        assert(err.code != ERR_NONE && err.code != ERR_MEMORY && err.text[0] != '\0');
        assert(memcmp(&s, &before, sizeof s) == 0);
    } else {
        check(&s);
        if (scenario_bind(&s, &topo, &err) == 0)
            check_bound(&s);
        else
            assert(err.code != ERR_NONE && err.text[0] != '\0');
    }
    arena_release(&a);
    return 0;
}
