/* fuzz_partition.c - partition maps from whoever: what is accepted is within its bounds, no two
 * cells serve one country, and it is written as a text that is the same map. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "control/live/client_map.h"
#include "control/partition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct partition *p)
{
    assert(p->version >= 0 && p->cell_count >= 1 && p->door_count >= 1);
    assert(p->door_count <= LAYOUT_DOORS_MAX && p->policy.tries >= 1);
    for (size_t i = 0; i < p->cell_count; i++) {
        const struct partition_cell *c = &p->cells[i];
        assert(c->country_count >= 1 && c->replica_count >= 1);
        for (size_t k = 0; k < c->country_count; k++)
            assert(strlen(c->countries[k]) == 2);
        for (size_t k = 0; k < c->replica_count; k++) {
            assert(c->replicas[k].port >= 1 && c->replicas[k].port <= 65535);
            assert(c->replicas[k].state >= PARTITION_IN && c->replicas[k].state <= PARTITION_OUT);
        }
    }
}

/* A client goes by it. */
static void go_by(const char *text, size_t size)
{
    struct client_map *m;
    struct error err;
    struct rng rng;
    rng_init(&rng, 1);
    int status = client_map_new(&m, text, size, &rng, 0, &err);
    assert(status == 0);
    struct client_group *g = client_map_group(m, "/de/orders/de-o-1");
    if (g != NULL) {
        struct route_request r = {.near = BALANCE_NO_ZONE, .deadline_us = INT64_MAX};
        struct route_choice choice = route_begin(&g->route, &r, 1);
        assert(choice.act != ROUTE_SEND || choice.replica < g->count);
        route_leave(&g->route, &r, 2);
    }
    client_map_leave(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of its exact size: reading on is seen */
    struct arena a = {0};
    struct partition p, back;
    struct error err = {0};
    assert(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (partition_parse(&p, text, size, &a, &err) == 0) {
        check(&p);
        const char *again = partition_print(&p, &a);
        assert(again != NULL);
        int status = partition_parse(&back, again, strlen(again), &a, &err);
        assert(status == 0 && back.version == p.version && back.cell_count == p.cell_count);
        assert(strcmp(partition_print(&back, &a), again) == 0);
        go_by(text, size);
    } else {
        assert(err.code != ERR_NONE && err.text[0] != '\0');
    }
    arena_release(&a);
    free(text);
    return 0;
}
