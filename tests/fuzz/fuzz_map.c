/* fuzz_map.c - paths: what is routed names a country and a service word, and nothing beside them.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "{\"countries\": [\"GB\", \"DE\", \"AT\", \"FR\", \"US\"], \"services\": "
    "{\"catalog\": {}, \"order\": {}, \"customer\": {}, \"vendor\": {}}}";

static struct arena arena;
static struct topo topo;
static struct layout layout;
static struct map map;

static void make(void)
{
    struct error err;
    if (topo.country_count > 0)
        return;
    assert(topo_parse(&topo, text, sizeof text - 1, NULL, 0, &arena, &err) == 0);
    assert(layout_init(&layout, &topo, ".", 20000, &err) == 0);
    map_init(&map, &layout);
}

/* Make the path again from what it was understood as. */
static void check(const char *target, const struct map_place *place)
{
    static const char *const words[] = {"customers", "vendors", "items", "orders"};
    assert(place->cell < topo.cell_count && place->service < topo.service_count);
    const char *word = words[layout_kind(&layout, place->service)];
    size_t len = strlen(word);
    bool is_ours = false;
    assert(target[0] == '/' && target[3] == '/' && strncmp(target + 4, word, len) == 0);
    for (size_t i = 0; i < topo.cells[place->cell].country_count; i++) {
        const char *name = topo.cells[place->cell].countries[i];
        is_ours = is_ours || (target[1] == (name[0] | 0x20) && target[2] == (name[1] | 0x20));
    }
    assert(is_ours);
    const char *rest = target + 4 + len;
    assert(rest[0] == '\0' || rest[0] == '/' || rest[0] == '?');
    if (rest[0] == '/') {
        size_t id = strcspn(rest + 1, "?");
        assert(memchr(rest + 1, '/', id) == NULL);
        assert(!(id == 2 && memcmp(rest + 1, "..", 2) == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *target = malloc(size + 1); /* of its exact size: reading on is seen */
    struct map_place place = {SIZE_MAX, SIZE_MAX};
    assert(target != NULL);
    make();
    if (size > 0)
        memcpy(target, data, size);
    target[size] = '\0';
    if (map_route(&map, target, &place) == MAP_SERVICE)
        check(target, &place);
    else
        assert(place.cell == SIZE_MAX && place.service == SIZE_MAX);
    free(target);
    return 0;
}
