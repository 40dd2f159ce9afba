/* world.h - a scenario from texts, for tests. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "base/arena.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"

struct made { /* release with arena_release(&made.arena) */
    struct arena arena;
    struct topo topo;
    struct capacity_plan plan;
    struct scenario scenario;
};

/* Decode, plan and bind; a text that is refused fails the test with its error. */
void make_world(struct made *made, const char *topology, const char *scenario);

#endif
