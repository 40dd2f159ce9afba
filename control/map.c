#include "control/map.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/layout.h"
#include "base/topo.h"

static const struct {
    const char *word;
    size_t len;
    enum layout_service kind;
} paths[MAP_PATHS] = {
    {"customers", 9, LAYOUT_CUSTOMER},
    {"vendors", 7, LAYOUT_VENDOR},
    {"items", 5, LAYOUT_CATALOG},
    {"orders", 6, LAYOUT_ORDER},
};

/* The place of two letters, of which the first in the alphabet is `a`; SIZE_MAX: they are others.
 */
static size_t country_at(const char *text, char a)
{
    for (size_t i = 0; i < 2; i++)
        if (text[i] < a || text[i] >= a + MAP_LETTERS)
            return SIZE_MAX;
    return (size_t)(text[0] - a) * MAP_LETTERS + (size_t)(text[1] - a);
}

void map_clear(struct map *m)
{
    for (size_t i = 0; i < MAP_LETTERS * MAP_LETTERS; i++)
        m->cell[i] = MAP_NO_CELL;
    for (size_t i = 0; i < MAP_PATHS; i++)
        m->service[i] = paths[i].kind;
}

void map_country(struct map *m, const char *country, size_t cell)
{
    size_t at = country_at(country, country[0] >= 'a' ? 'a' : 'A');
    assert(at != SIZE_MAX && country[2] == '\0' && cell < MAP_NO_CELL);
    m->cell[at] = (uint16_t)cell;
}

void map_init(struct map *m, const struct layout *l)
{
    map_clear(m);
    for (size_t i = 0; i < l->topo->country_count; i++) /* topologies take ISO 3166 codes only */
        map_country(m, l->topo->countries[i].name, l->topo->countries[i].cell);
    for (size_t i = 0; i < MAP_PATHS; i++)
        m->service[i] = layout_index(l, paths[i].kind);
}

/* Nothing, or one segment that leads nowhere else. */
static bool is_id(const char *rest)
{
    if (*rest != '/')
        return true;
    size_t len = strcspn(++rest, "/?");
    return rest[len] != '/' && !(len == 1 && rest[0] == '.') &&
           !(len == 2 && rest[0] == '.' && rest[1] == '.');
}

/* Which of `paths` a segment is; MAP_PATHS: none. */
static size_t path_of(const char *word, size_t len)
{
    size_t i = 0;
    while (i < MAP_PATHS && !(paths[i].len == len && memcmp(paths[i].word, word, len) == 0))
        i++;
    return i;
}

enum map_found map_route(const struct map *m, const char *target, struct map_place *place)
{
    if (target[0] != '/')
        return MAP_NO_PATH;
    const char *country = target + 1;
    size_t country_len = strcspn(country, "/?");
    if (country[country_len] != '/')
        return MAP_NO_PATH;
    const char *word = country + country_len + 1;
    size_t word_len = strcspn(word, "/?");
    size_t path = path_of(word, word_len);
    if (path == MAP_PATHS || !is_id(word + word_len))
        return MAP_NO_PATH;
    size_t at = country_len == 2 ? country_at(country, 'a') : SIZE_MAX;
    if (at == SIZE_MAX || m->cell[at] == MAP_NO_CELL)
        return MAP_NO_COUNTRY;
    *place = (struct map_place){m->cell[at], m->service[path]};
    return MAP_SERVICE;
}
