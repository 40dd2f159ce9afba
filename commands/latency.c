#include "commands/latency.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "commands/ask.h"
#include "commands/cli.h"
#include "commands/state.h"
#include "commands/table.h"
#include "control/live/latency.h"

enum { ASK_MS = 10000 };

/* One who does not answer is told on stderr, and the others are asked on. */
static bool hear(const char *dir, const char *sock, struct latency *all, size_t most,
                 struct arena *a)
{
    struct ask_reply reply;
    struct latency said;
    struct error err;
    if (ask(&reply, dir, sock, "GET", "/latency", NULL, ASK_MS, a, &err) != 0 ||
        json_decode(&said, sizeof said, latency_fields, reply.body, reply.len, NULL, 0, a, &err) !=
            0) {
        fprintf(stderr, "bulkhead: %s: %s\n", sock, err.text);
        return false;
    }
    for (size_t i = 0; i < said.count && all->count < most; i++)
        all->pair[all->count++] = said.pair[i];
    return true;
}

static bool hear_all(const char *dir, const struct topo *topo, struct latency *all, size_t most,
                     struct arena *a)
{
    bool good = hear(dir, "door.sock", all, most, a);
    for (size_t i = 0; i < topo->cell_count; i++)
        for (size_t k = 0; k < topo->cells[i].zone_count; k++) {
            const char *sock = arena_format(a, "zones/%s/%s/agent.sock", topo->cells[i].name,
                                            topo->cells[i].zones[k]);
            good = sock != NULL && hear(dir, sock, all, most, a) && good;
        }
    return good;
}

static void put_time(struct table *t, int64_t us, const char *none)
{
    char text[DURATION_TEXT_MAX];
    duration_format(text, us < 0 ? 0 : (us + 5) / 10 * 10);
    table_put(t, "%s", us < 0 ? none : text);
}

static void print_table(const struct latency *all)
{
    struct table t;
    table_titles(&t, "<CELL|<FROM|<TO|WANTED|MEASURED");
    for (size_t i = 0; i < all->count; i++) {
        const struct latency_pair *p = &all->pair[i];
        table_put(&t, "%s", p->cell);
        table_put(&t, "%s", p->from);
        table_put(&t, "%s", p->to);
        put_time(&t, p->wanted_us, "cut");
        put_time(&t, p->measured_us, "-");
    }
    table_print(&t, stdout);
}

static int print(const char *dir, bool json, bool *good, struct arena *a, struct error *err)
{
    struct state state;
    struct latency all = {.count = 0};
    size_t most = 0;
    if (state_open(&state, dir, a, err) != 0)
        return -1;
    for (size_t i = 0; i < state.topo.cell_count; i++)
        most += state.topo.cells[i].zone_count * (state.topo.cells[i].zone_count + 1);
    all.pair = arena_alloc(a, most, sizeof all.pair[0]);
    if (all.pair == NULL)
        return error_memory(err);
    *good = hear_all(dir, &state.topo, &all, most, a);
    const char *text = json ? json_encode(&all, latency_fields, a) : "";
    if (text == NULL)
        return error_memory(err);
    if (json)
        fputs(text, stdout);
    else
        print_table(&all);
    return 0;
}

int latency_print(const char *dir, bool json)
{
    struct arena a = {0};
    struct error err;
    bool good = false;
    int status = print(dir, json, &good, &a, &err);
    status = status != 0 ? cli_fail(err.text) : good ? EXIT_YES : EXIT_NO;
    arena_release(&a);
    return status;
}
