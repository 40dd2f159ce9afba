/* fuzz_lease.c - leases: what is taken, as a request or as a file, is within the topology, has an
 * end, comes back the same from what is printed, and means something at every place. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/lease.h"
#include "base/topo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "{\"countries\": [\"DE\", \"FR\"],"
    " \"cells\": {\"de\": {\"countries\": [\"DE\"], \"zones\": [\"a\", \"b\"]},"
    "             \"fr\": {\"countries\": [\"FR\"], \"zones\": [\"a\", \"b\"]}},"
    " \"services\": {\"catalog\": {}, \"order\": {}}}";

static struct arena arena;
static struct topo topo;

static void ask_places(const struct leases *l)
{
    for (size_t cell = 0; cell < topo.cell_count; cell++) {
        size_t zones = topo.cells[cell].zone_count;
        for (size_t from = 0; from <= zones; from++)
            for (size_t to = 0; to <= zones; to++)
                assert(leases_way_us(l, cell, from, to, 0) >= 0);
        for (size_t service = 0; service < topo.service_count; service++) {
            struct lease_server server;
            leases_server(l, &topo, cell, 0, service, 0, &server);
            assert(server.slow > 0 && server.store_slow > 0);
            assert(server.errors >= 0 && server.errors <= 1);
            leases_hold(l, &topo, cell, 0, service, 0);
        }
    }
    for (size_t i = 0; i < topo.country_count; i++)
        assert(leases_surge(l, i, 0) > 0 && leases_poison(l, i, 0) >= 0);
}

static void check(const struct leases *l)
{
    struct arena a = {0};
    struct error err;
    static struct leases again;
    for (size_t i = 0; i < l->count; i++)
        assert(l->lease[i].fault.for_us > 0 && l->lease[i].scope[0] != '\0');
    char *printed = leases_print(l, &a);
    assert(printed != NULL);
    assert(leases_parse(&again, printed, strlen(printed), &topo, &err) == 0);
    char *printed_again = leases_print(&again, &a);
    assert(printed_again != NULL && strcmp(printed, printed_again) == 0);
    ask_places(l);
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct leases l;
    struct error err;
    const struct lease *added;
    if (topo.country_count == 0)
        assert(topo_parse(&topo, text, sizeof text - 1, NULL, 0, &arena, &err) == 0);
    l = (struct leases){.count = 0};
    if (leases_parse(&l, (const char *)data, size, &topo, &err) == 0)
        check(&l);
    l = (struct leases){.count = 0};
    if (leases_add(&l, (const char *)data, size, "fuzz", &topo, 0, &added, &err) == 0) {
        assert(l.count == 1 && added->ends_us == added->fault.for_us);
        check(&l);
    } else {
        assert(l.count == 0);
    }
    return 0;
}
