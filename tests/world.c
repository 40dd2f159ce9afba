#include "tests/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

void make_world(struct made *made, const char *topology, const char *scenario)
{
    struct error err = {0};
    *made = (struct made){0};
    if (topo_parse(&made->topo, topology, strlen(topology), NULL, 0, &made->arena, &err) != 0 ||
        capacity_plan(&made->plan, &made->topo, &made->arena, &err) != 0 ||
        scenario_parse(&made->scenario, scenario, strlen(scenario), NULL, 0, &made->arena, &err) !=
            0 ||
        scenario_bind(&made->scenario, &made->topo, &err) != 0)
        fail_msg("%s", err.text);
}
