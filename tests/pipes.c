#include "tests/pipes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/topo.h"

struct pipeline_def pipes_define(const char *pipeline, struct arena *a)
{
    struct topo topo;
    struct error err;
    const char *text = arena_format(a, "{\"countries\": [\"DE\"], \"pipeline\": %s}", pipeline);
    if (topo_parse(&topo, text, strlen(text), NULL, 0, a, &err) != 0)
        fail_msg("%s: %s", pipeline, err.text);
    return topo.pipeline;
}
