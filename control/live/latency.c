#include "control/live/latency.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "wire/clock.h"
#include "wire/http.h"
#include "wire/network.h"

enum { PINGS = 6, PING_US = 3000000 }; /* the first of them opens the connection */

static const struct json_field pair_fields[] = {
    JSON_STR(struct latency_pair, cell, "cell", .required = true, .doc = "The cell"),
    JSON_STR(struct latency_pair, from, "from", .required = true, .doc = "A zone of it, or door"),
    JSON_STR(struct latency_pair, to, "to", .required = true, .doc = "Another zone of it"),
    JSON_I64(struct latency_pair, wanted_us, "wanted_us", -1, 0x1p52, .required = true,
             .doc = "The round trip by topology and faults; -1 when it is cut"),
    JSON_I64(struct latency_pair, measured_us, "measured_us", -1, 0x1p52, .required = true,
             .doc = "As it was measured; -1 when nothing came back"),
    JSON_END,
};

const struct json_field latency_fields[] = {
    JSON_LIST(struct latency, pair, count, "pairs", struct latency_pair, pair_fields,
              .doc = "Round trips between the places of cells"),
    JSON_END,
};

struct job;

struct ping {
    struct job *job;
    struct latency_pair *pair;
    struct http_client *client;
    int64_t sent_us;
    int left;
};

struct job {
    struct http_exchange *x;
    struct arena arena;
    struct network network;
    struct latency latency;
    struct ping *ping;
    size_t running;
};

static void send_ping(struct ping *p);

static void free_job(void *context)
{
    struct job *j = context;
    arena_release(&j->arena);
    free(j);
}

static void end_job(struct job *j)
{
    const char *text = json_encode(&j->latency, latency_fields, &j->arena);
    if (text == NULL)
        http_problem(j->x, 503, "no memory left");
    else
        http_answer(j->x, 200, "application/json", NULL, 0, text, strlen(text));
    for (size_t i = 0; i < j->latency.count; i++)
        http_client_free(j->ping[i].client);
    network_close(&j->network, free_job, j);
}

static void ponged(void *context, const struct http_reply *reply)
{
    struct ping *p = context;
    int64_t us = clock_us() - p->sent_us;
    bool first = p->left == PINGS;
    if (reply->failure != HTTP_OK)
        p->left = 1;
    else if (!first && (p->pair->measured_us < 0 || us < p->pair->measured_us))
        p->pair->measured_us = us;
    if (--p->left > 0)
        send_ping(p);
    else if (--p->job->running == 0)
        end_job(p->job);
}

static void send_ping(struct ping *p)
{
    p->sent_us = clock_us();
    http_send(p->client, "GET", "/", NULL, 0, NULL, 0, PING_US, ponged, p);
}

static int64_t wanted_us(struct job *j, size_t cell, size_t from, size_t to)
{
    int64_t now_us = clock_us();
    int64_t there_us = lease_file_way_us(&j->network.leases, cell, from, to, now_us);
    int64_t back_us = lease_file_way_us(&j->network.leases, cell, to, from, now_us);
    return there_us == LEASE_CUT || back_us == LEASE_CUT ? -1 : there_us + back_us;
}

static int add(struct job *j, uv_loop_t *loop, const struct layout *l, size_t cell, size_t from,
               size_t to)
{
    const struct topo_cell *c = &l->topo->cells[cell];
    struct ping *p = &j->ping[j->latency.count];
    struct latency_pair *pair = &j->latency.pair[j->latency.count++];
    *pair = (struct latency_pair){c->name, from < c->zone_count ? c->zones[from] : "door",
                                  c->zones[to], wanted_us(j, cell, from, to), -1};
    *p = (struct ping){j, pair, http_client_new(loop, layout_port(l, cell, to, 0), 1), 0, PINGS};
    return p->client == NULL ? -1 : network_route(&j->network, p->client, cell, from, to);
}

static int add_all(struct job *j, uv_loop_t *loop, const struct layout *l, size_t cell, size_t zone,
                   struct error *err)
{
    const struct topo *topo = l->topo;
    size_t first = cell == LATENCY_DOOR ? 0 : cell;
    size_t end = cell == LATENCY_DOOR ? topo->cell_count : cell + 1;
    size_t most = 0;
    for (size_t i = first; i < end; i++)
        most += topo->cells[i].zone_count;
    j->ping = arena_alloc(&j->arena, most, sizeof j->ping[0]);
    j->latency.pair = arena_alloc(&j->arena, most, sizeof j->latency.pair[0]);
    if (j->ping == NULL || j->latency.pair == NULL)
        return error_memory(err);
    if (network_init(&j->network, loop, l, err) != 0)
        return -1;
    for (size_t i = first; i < end; i++)
        for (size_t to = 0; to < topo->cells[i].zone_count; to++) {
            size_t from = cell == LATENCY_DOOR ? topo->cells[i].zone_count : zone;
            if (from != to && add(j, loop, l, i, from, to) != 0)
                return error_memory(err);
        }
    return 0;
}

void latency_answer(struct http_exchange *x, uv_loop_t *loop, const struct layout *l, size_t cell,
                    size_t zone)
{
    struct error err;
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL) {
        http_problem(x, 503, "no memory left");
        return;
    }
    j->x = x;
    if (add_all(j, loop, l, cell, zone, &err) != 0) {
        j->latency.count = j->ping == NULL || j->latency.pair == NULL ? 0 : j->latency.count;
        http_problem(x, 503, err.text);
        for (size_t i = 0; i < j->latency.count; i++)
            http_client_free(j->ping[i].client);
        network_close(&j->network, free_job, j);
        return;
    }
    j->running = j->latency.count;
    for (size_t i = 0; i < j->latency.count; i++)
        send_ping(&j->ping[i]);
    if (j->running == 0)
        end_job(j);
}
