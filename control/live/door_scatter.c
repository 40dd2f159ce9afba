#include "control/live/door_scatter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/live/door_question.h"
#include "control/live/door_stats.h"
#include "wire/clock.h"
#include "wire/log.h"
#include "wire/network.h"

/* ---- who is asked ---- */

static int add_part(struct door_gather *g, const char *country, size_t index, struct error *err)
{
    for (size_t i = 0; i < g->count; i++)
        if (memcmp(g->part[i].country, country, 2) == 0)
            return error_set(err, ERR_DUPLICATE, "countries: %.2s is there twice", country);
    struct door_part *part = &g->part[g->count++];
    *part = (struct door_part){.gather = g, .index = index};
    memcpy(part->country, country, 2);
    return 0;
}

static int add_all(struct door_gather *g, struct error *err)
{
    const struct topo *topo = g->scatter->layout->topo;
    for (size_t i = 0; i < topo->country_count; i++) {
        const char *name = topo->countries[i].name;
        if (add_part(g, (const char[]){(char)(name[0] | 0x20), (char)(name[1] | 0x20), '\0'}, i,
                     err) != 0)
            return -1;
    }
    return 0;
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Room is for as many as are served; who names more names some twice, or what nobody serves. */
static int add_named(struct door_gather *g, const char *list, size_t len, struct error *err)
{
    const struct topo *topo = g->scatter->layout->topo;
    for (size_t at = 0; at <= len; at += 3) {
        const char *country = list + at;
        bool ok = len - at >= 2 && is_letter(country[0]) && is_letter(country[1]) &&
                  (len - at == 2 || country[2] == ',');
        if (!ok)
            return error_set(err, ERR_SYNTAX,
                             "countries: expected codes in lower case with commas, as gb,de, got "
                             "\"%.*s\"",
                             (int)(len < 40 ? len : 40), list);
        char name[3] = {(char)(country[0] & ~0x20), (char)(country[1] & ~0x20), '\0'};
        size_t index = topo_country_at(topo, name);
        if (index == topo->country_count)
            return error_set(err, ERR_UNKNOWN, "countries: no cell serves %.2s", country);
        if (add_part(g, country, index, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- the answer ---- */

static void gather_free(struct door_gather *g)
{
    for (size_t i = 0; i < g->count; i++) {
        client_cancel(g->part[i].call);
        bytes_release(&g->part[i].page);
    }
    uv_timer_stop(&g->timer);
    arena_reset(&g->arena);
    g->x = NULL;
    g->count = g->waiting = g->bytes = 0;
}

static bool add_missing(struct bytes *out, const struct door_part *part, bool first)
{
    char row[256];
    int n = snprintf(row, sizeof row, "%s\n  {\"country\": \"%s\", \"why\": \"%s\"}",
                     first ? "" : ",", part->country, part->why);
    return n > 0 && (size_t)n < sizeof row && bytes_add(out, row, (size_t)n);
}

/* Whole pages as they came, each under its country. */
static bool write_answer(const struct door_gather *g, struct bytes *out, size_t *came)
{
    bool ok = bytes_add_text(out, "{\"countries\": {");
    size_t missing = 0;
    for (size_t i = 0; ok && i < g->count; i++) {
        const struct door_part *part = &g->part[i];
        if (part->page.len == 0)
            continue;
        ok = bytes_add_text(out, *came == 0 ? "\n\"" : ",\n\"") &&
             bytes_add_text(out, part->country) && bytes_add_text(out, "\": ") &&
             bytes_add(out, part->page.data, part->page.len);
        ++*came;
    }
    ok = ok && bytes_add_text(out, "},\n\"missing\": [");
    for (size_t i = 0; ok && i < g->count; i++)
        if (g->part[i].page.len == 0)
            ok = add_missing(out, &g->part[i], missing++ == 0);
    return ok && bytes_add_text(out, missing > 0 ? "],\n\"partial\": true}\n"
                                                 : "],\n\"partial\": false}\n");
}

static void answer_later(struct http_exchange *x, const char *detail)
{
    static const struct http_header later = {"Retry-After", "1"};
    char body[400];
    int n = snprintf(body, sizeof body,
                     "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                     "\"detail\":\"%s\"}\n",
                     detail);
    http_answer(x, 503, "application/problem+json", &later, 1, body, (size_t)n);
}

/* Count it as answered, or as lost, unless nobody waits any more. */
static void count(const struct door_gather *g, bool partial, bool failed, enum status_rule rule)
{
    int64_t now_us = clock_us();
    const struct door_end end = {failed && !http_gone(g->x), rule, DOOR_LAST_NONE};
    door_stats_question(g->scatter->stats, now_us, now_us - g->begun_us, partial, &end);
}

/* Answer with what there is. */
static void gather_end(struct door_gather *g)
{
    struct bytes out = {0};
    struct http_exchange *x = g->x;
    size_t came = 0;
    char detail[240];
    bool ok = write_answer(g, &out, &came);
    snprintf(detail, sizeof detail, "no country has answered; %s: %s", g->part[0].country,
             g->part[0].why);
    count(g, came < g->count, !ok || came == 0, ok ? STATUS_BY_COUNTRIES : STATUS_BY_FULL);
    gather_free(g);
    if (!ok)
        answer_later(x, "no memory left");
    else if (came == 0)
        answer_later(x, detail);
    else
        http_answer(x, 200, "application/json", NULL, 0, out.data, out.len);
    bytes_release(&out);
}

/* ---- parts ---- */

/* One whole object, brackets in pairs: a replica that is not well cannot garble what stands beside
 * its page. */
static bool is_object(const char *text, size_t len)
{
    char open[32];
    size_t depth = 0, i = 0;
    bool string = false;
    for (; i < len; i++) {
        char c = text[i];
        if (c == '\0' || (depth == 0 && (c != '{' || i > 0)))
            return false;
        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (!string && (c == '{' || c == '[') && depth == sizeof open)
            return false;
        else if (!string && (c == '{' || c == '['))
            open[depth++] = c == '{' ? '}' : ']';
        else if (!string && (c == '}' || c == ']') && open[--depth] != c)
            return false;
    }
    return i == len && len > 0 && depth == 0 && !string;
}

/* What came, or why there is nothing. */
static void take_part(struct door_part *part, const struct http_reply *reply)
{
    struct door_gather *g = part->gather;
    size_t len = reply->len;
    while (len > 0 && strchr(" \r\n", reply->body[len - 1]) != NULL)
        len--;
    if (reply->failure != HTTP_OK)
        snprintf(part->why, sizeof part->why, "no answer (%s)", http_failure_name(reply->failure));
    else if (reply->status != 200)
        snprintf(part->why, sizeof part->why, "its cell answers %d", reply->status);
    else if (!is_object(reply->body, len))
        snprintf(part->why, sizeof part->why, "its cell answers what is no page");
    else if (g->bytes + len > DOOR_SCATTER_BYTES_MAX)
        snprintf(part->why, sizeof part->why,
                 "its %zu bytes are too many beside the others: %d in "
                 "all are the most",
                 len, DOOR_SCATTER_BYTES_MAX);
    else if (!bytes_add(&part->page, reply->body, len))
        snprintf(part->why, sizeof part->why, "no memory left");
    g->bytes += part->page.len;
}

static void count_part(const struct door_part *part)
{
    const struct door_gather *g = part->gather;
    int64_t now_us = clock_us();
    door_stats_part(g->scatter->stats, part->index, now_us, now_us - g->begun_us,
                    part->page.len == 0);
}

static void on_part(void *context, const struct http_reply *reply)
{
    struct door_part *part = context;
    struct door_gather *g = part->gather;
    part->call = NULL;
    take_part(part, reply);
    count_part(part);
    if (--g->waiting == 0 || http_gone(g->x))
        gather_end(g);
}

static void give_up(struct door_gather *g, const char *why)
{
    for (size_t i = 0; i < g->count; i++) {
        struct door_part *part = &g->part[i];
        if (part->call == NULL)
            continue;
        client_cancel(part->call);
        part->call = NULL;
        snprintf(part->why, sizeof part->why, "%s", why);
        count_part(part);
    }
    gather_end(g);
}

static void on_deadline(uv_timer_t *timer)
{
    struct door_gather *g = timer->data;
    char why[64];
    snprintf(why, sizeof why, "no answer within %" PRId64 " ms", g->within_us / 1000);
    give_up(g, why);
}

/* ---- a question ---- */

static void send_part(struct door_part *part, const struct door_question *q)
{
    struct door_gather *g = part->gather;
    const char *target = arena_format(&g->arena, "/%s/items?q=%.*s&limit=%" PRId64, part->country,
                                      (int)q->words_len, q->words, q->limit);
    /* Later than our own deadline, so that it is that which ends it. */
    const struct client_request request = {
        .method = "GET", .target = target, .timeout_us = q->within_us + 1000000};
    if (target != NULL)
        part->call = client_send(g->scatter->client, &request, on_part, part);
    if (part->call == NULL)
        snprintf(part->why, sizeof part->why, "no memory left");
    else
        g->waiting++;
}

static struct door_gather *take_free(struct door_scatter *s)
{
    for (size_t i = 0; i < DOOR_SCATTER_MAX; i++)
        if (s->gather[i].x == NULL)
            return &s->gather[i];
    return NULL;
}

void door_scatter_begin(struct door_scatter *s, struct http_exchange *x)
{
    const struct topo *topo = s->layout->topo;
    struct door_question q;
    struct error err;
    if (door_question_take(&q, http_target(x), topo->policy.timeout_us, &err) != 0) {
        http_problem(x, 400, err.text);
        return;
    }
    struct door_gather *g = take_free(s);
    if (g != NULL)
        g->part = arena_alloc(&g->arena, topo->country_count, sizeof g->part[0]);
    if (g == NULL || g->part == NULL) {
        const struct door_end end = {true, STATUS_BY_FULL, DOOR_LAST_NONE};
        door_stats_question(s->stats, clock_us(), 0, false, &end);
        answer_later(x, g == NULL ? "too many such questions are under way" : "no memory left");
        return;
    }
    g->x = x;
    if ((q.countries == NULL ? add_all(g, &err)
                             : add_named(g, q.countries, q.countries_len, &err)) != 0) {
        gather_free(g);
        http_problem(x, err.code == ERR_UNKNOWN ? 404 : 400, err.text);
        return;
    }
    g->within_us = q.within_us;
    g->begun_us = clock_us();
    uv_timer_start(&g->timer, on_deadline, ((uint64_t)q.within_us + 999) / 1000, 0);
    for (size_t i = 0; i < g->count; i++)
        send_part(&g->part[i], &q);
    if (g->waiting == 0)
        gather_end(g);
}

/* ---- beginning and ending ---- */

/* From the door to a zone. */
static int route(void *context, struct http_client *http, int port)
{
    struct door_scatter *s = context;
    size_t cell, zone;
    if (!layout_place(s->layout, port, &cell, &zone))
        return 0;
    return network_route(s->network, http, cell, s->layout->topo->cells[cell].zone_count, zone);
}

int door_scatter_init(struct door_scatter *s, const struct layout *l, uint32_t links_max,
                      struct network *network, struct door_stats *stats, uv_loop_t *loop,
                      struct error *err)
{
    const struct client_opts opts = {
        .loop = loop,
        .direct = true,
        .route = route,
        .context = s,
        .links_max = links_max < DOOR_SCATTER_LINKS ? links_max : DOOR_SCATTER_LINKS};
    s->layout = l;
    s->network = network;
    s->stats = stats;
    if (client_new(&s->client, &opts, err) != 0)
        return -1;
    for (size_t i = 0; i < DOOR_SCATTER_MAX; i++) {
        s->gather[i].scatter = s;
        uv_timer_init(loop, &s->gather[i].timer);
        s->gather[i].timer.data = &s->gather[i];
    }
    s->open = true;
    return 0;
}

void door_scatter_map(struct door_scatter *s, const char *text, size_t len)
{
    struct error err;
    if (client_take_map(s->client, text, len, &err) != 0)
        log_line("questions to many countries go by the map before: %s", err.text);
}

void door_scatter_abandon(struct door_scatter *s)
{
    for (size_t i = 0; s->open && i < DOOR_SCATTER_MAX; i++)
        if (s->gather[i].x != NULL)
            give_up(&s->gather[i], "the door is closing");
}

void door_scatter_close(struct door_scatter *s)
{
    if (!s->open)
        return;
    s->open = false;
    for (size_t i = 0; i < DOOR_SCATTER_MAX; i++) {
        uv_close((uv_handle_t *)&s->gather[i].timer, NULL);
        arena_release(&s->gather[i].arena);
    }
    client_free(s->client);
}
