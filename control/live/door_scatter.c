#include "control/live/door_scatter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "wire/log.h"
#include "wire/network.h"

enum { LIMIT_PRESET = 10, LIMIT_MAX = 100, WITHIN_MIN_US = 1000 };

/* ---- what is asked ---- */

struct question { /* texts point into the target */
    const char *words, *countries;
    size_t words_len, countries_len;
    int64_t limit, within_us;
};

static int take_number(struct question *q, const char *text, size_t len, struct error *err)
{
    q->limit =
        len > 0 && len < 4 && strspn(text, "0123456789") >= len ? strtoll(text, NULL, 10) : 0;
    return q->limit >= 1 && q->limit <= LIMIT_MAX
               ? 0
               : error_set(err, ERR_RANGE, "limit: expected 1..%d, got \"%.*s\"", LIMIT_MAX,
                           (int)(len < 40 ? len : 40), text);
}

static int take_within(struct question *q, const char *text, size_t len, struct error *err)
{
    char value[32];
    snprintf(value, sizeof value, "%.*s", (int)len, text);
    if (duration_parse(&q->within_us, value, err) != 0)
        return error_prefix(err, "within");
    return q->within_us >= WITHIN_MIN_US && q->within_us <= DOOR_SCATTER_WITHIN_MAX_US
               ? 0
               : error_set(err, ERR_RANGE, "within: expected 1ms..10s, got \"%s\"", value);
}

static int take_parameter(struct question *q, const char *name, size_t name_len, const char *text,
                          size_t len, struct error *err)
{
    if (name_len == 1 && name[0] == 'q') {
        q->words = text;
        q->words_len = len;
        return len > 0 && len <= DOOR_SCATTER_WORDS_MAX
                   ? 0
                   : error_set(err, ERR_RANGE, "q: expected 1..%d bytes, got %zu",
                               DOOR_SCATTER_WORDS_MAX, len);
    }
    if (name_len == 9 && memcmp(name, "countries", 9) == 0) {
        q->countries = text;
        q->countries_len = len;
        return 0;
    }
    if (name_len == 5 && memcmp(name, "limit", 5) == 0)
        return take_number(q, text, len, err);
    if (name_len == 6 && memcmp(name, "within", 6) == 0)
        return take_within(q, text, len, err);
    return error_set(err, ERR_UNKNOWN,
                     "expected /items?q=WORDS&countries=gb,de&limit=N&within=300ms, got \"%.*s\"",
                     (int)(name_len < 40 ? name_len : 40), name);
}

static int take_question(struct question *q, const char *target, struct error *err)
{
    const char *at = strchr(target, '?');
    while (at != NULL && *++at != '\0') {
        size_t len = strcspn(at, "&"), name = strcspn(at, "=&");
        const char *value = at + (name < len ? name + 1 : name);
        if (take_parameter(q, at, name, value, (size_t)(at + len - value), err) != 0)
            return -1;
        at = at[len] == '&' ? at + len : NULL;
    }
    return q->words == NULL ? error_set(err, ERR_MISSING, "q is missing: what to search for") : 0;
}

/* ---- who is asked ---- */

static int add_part(struct door_gather *g, const char *country, struct error *err)
{
    for (size_t i = 0; i < g->count; i++)
        if (memcmp(g->part[i].country, country, 2) == 0)
            return error_set(err, ERR_DUPLICATE, "countries: %.2s is there twice", country);
    struct door_part *part = &g->part[g->count++];
    *part = (struct door_part){.gather = g};
    memcpy(part->country, country, 2);
    return 0;
}

static int add_all(struct door_gather *g, struct error *err)
{
    const struct topo *topo = g->scatter->layout->topo;
    for (size_t i = 0; i < topo->country_count; i++) {
        const char *name = topo->countries[i].name;
        if (add_part(g, (const char[]){(char)(name[0] | 0x20), (char)(name[1] | 0x20), '\0'},
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
        if (topo_country_at(topo, name) == topo->country_count)
            return error_set(err, ERR_UNKNOWN, "countries: no cell serves %.2s", country);
        if (add_part(g, country, err) != 0)
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

static void on_part(void *context, const struct http_reply *reply)
{
    struct door_part *part = context;
    struct door_gather *g = part->gather;
    part->call = NULL;
    take_part(part, reply);
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

static void send_part(struct door_part *part, const struct question *q)
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
    struct question q = {.limit = LIMIT_PRESET, .within_us = topo->policy.timeout_us};
    struct error err;
    if (q.within_us > DOOR_SCATTER_WITHIN_MAX_US)
        q.within_us = DOOR_SCATTER_WITHIN_MAX_US;
    if (take_question(&q, http_target(x), &err) != 0) {
        http_problem(x, 400, err.text);
        return;
    }
    struct door_gather *g = take_free(s);
    if (g != NULL)
        g->part = arena_alloc(&g->arena, topo->country_count, sizeof g->part[0]);
    if (g == NULL || g->part == NULL) {
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
                      struct network *network, uv_loop_t *loop, struct error *err)
{
    const struct client_opts opts = {
        .loop = loop,
        .direct = true,
        .route = route,
        .context = s,
        .links_max = links_max < DOOR_SCATTER_LINKS ? links_max : DOOR_SCATTER_LINKS};
    s->layout = l;
    s->network = network;
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
