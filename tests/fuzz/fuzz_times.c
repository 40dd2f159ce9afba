/* fuzz_times.c - files of service times: what is read has a mean, and can be drawn from. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/dist.h"
#include "base/error.h"
#include "base/topo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct error err = {0};
    struct topo_service service = {.name = "x", .spread = DIST_EMPIRICAL}, before = service;
    struct dist d;
    struct rng r;
    if (topo_times_set(&service, "t", (const char *)data, size, &a, &err) != 0) {
        assert(err.code != ERR_NONE && err.code != ERR_MEMORY && err.text[0] == 't');
        assert(memcmp(&service, &before, sizeof service) == 0);
        arena_release(&a);
        return 0;
    }
    assert(service.times_count >= 1 && service.times_count <= TOPO_TIMES_MAX);
    assert(service.time_us >= 1 && service.time_us <= 3600000000);
    assert(topo_dist(&d, &service, 1000, &err) == 0);
    rng_init(&r, 1);
    for (int i = 0; i < 100; i++) {
        double ns = dist_draw(&d, &r);
        assert(ns >= 0 && ns <= 3600.001e9);
    }
    arena_release(&a);
    return 0;
}
