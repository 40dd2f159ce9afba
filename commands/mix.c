#include "commands/mix.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/lists.h"
#include "region/ids.h"
#include "wire/clock.h"
#include "wire/http.h"

/* ---- what the cells hold ---- */

/* The first word of at least four letters, which is what people search for. */
static void take_word(char out[MIX_WORD_MAX], const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    out[0] = '\0';
    while (*(text += strcspn(text, letters)) != '\0') {
        size_t len = strspn(text, letters);
        if (len >= 4 && len < MIX_WORD_MAX && (text[len] == ' ' || text[len] == '\0')) {
            memcpy(out, text, len);
            out[len] = '\0';
            return;
        }
        text += len;
    }
}

static bool grow(struct mix_names *n, bool words)
{
    size_t size = n->size == 0 ? 256 : 2 * n->size;
    const char **id = arena_alloc(n->a, size, sizeof id[0]);
    char(*word)[MIX_WORD_MAX] = words ? arena_alloc(n->a, size, sizeof word[0]) : NULL;
    if (id == NULL || (words && word == NULL))
        return false;
    if (n->count > 0)
        memcpy(id, n->id, n->count * sizeof id[0]);
    if (n->count > 0 && words)
        memcpy(word, n->word, n->count * sizeof word[0]);
    n->id = id;
    n->word = word;
    n->size = size;
    return true;
}

static void take_name(void *context, const struct list_row *row)
{
    struct mix_names *n = context;
    bool words = row->description != NULL;
    char *id = arena_string(n->a, row->id, strlen(row->id));
    if (id == NULL || (n->count == n->size && !grow(n, words))) {
        n->failed = true;
        return;
    }
    if (words)
        take_word(n->word[n->count], row->description);
    n->id[n->count++] = id;
}

static int check(const struct mix *m, struct error *err)
{
    for (size_t i = 0; i < m->country_count; i++) {
        const struct mix_country *c = &m->countries[i];
        if (c->items.failed || c->customers.failed || c->vendors.failed)
            return error_memory(err);
        if (c->items.count == 0 || c->customers.count == 0)
            return error_set(
                err, ERR_MISSING, "%s has no %s yet: bulkhead load %s --fill puts some there",
                m->country[i], c->items.count == 0 ? "items" : "customers", m->country[i]);
    }
    return 0;
}

int mix_init(struct mix *m, char (*country)[3], size_t country_count, int port, uint64_t seed,
             const volatile sig_atomic_t *stop, struct arena *a, struct error *err)
{
    static const char *const kinds[] = {"items", "customers", "vendors"};
    *m = (struct mix){.country = country, .country_count = country_count};
    struct list *lists = arena_alloc(a, 3 * country_count, sizeof lists[0]);
    m->countries = arena_alloc(a, country_count, sizeof m->countries[0]);
    if (lists == NULL || m->countries == NULL)
        return error_memory(err);
    for (size_t i = 0; i < 3 * country_count; i++) {
        struct mix_country *c = &m->countries[i / 3];
        struct mix_names *names[] = {&c->items, &c->customers, &c->vendors};
        names[i % 3]->a = a;
        lists[i] = (struct list){.what = kinds[i % 3],
                                 .count_max = MIX_ROWS_MAX,
                                 .take = take_name,
                                 .context = names[i % 3]};
        memcpy(lists[i].country, country[i / 3], sizeof lists[i].country);
    }
    if (lists_fetch(lists, 3 * country_count, port, stop, a, err) != 0)
        return -1;
    rng_named(&m->rng, seed, 0, "load", "mix");
    snprintf(m->run, sizeof m->run, "%llx-%x", (unsigned long long)clock_wall_ms(),
             (unsigned)getpid());
    mix_share(m, 0.15);
    m->speed = 1;
    return check(m, err);
}

void mix_share(struct mix *m, double orders)
{
    const double of_reads[MIX_KINDS] = {45, 15, 20, 5, 0};
    for (int i = 0; i < MIX_KINDS; i++)
        m->share[i] = (1 - orders) * of_reads[i] / 85;
    m->share[MIX_ORDER] = orders;
}

/* ---- requests ---- */

static enum mix_kind draw_kind(struct mix *m)
{
    double sum = 0;
    for (int i = 0; i < MIX_KINDS; i++)
        sum += m->share[i];
    double at = rng_f64(&m->rng) * sum;
    int kind = 0;
    while (kind < MIX_KINDS - 1 && at >= m->share[kind])
        at -= m->share[kind++];
    return (enum mix_kind)kind;
}

static void read_one(struct mix *m, struct load_request *out, const char *what,
                     const struct mix_names *n)
{
    size_t at = rng_below(&m->rng, (uint32_t)n->count);
    snprintf(m->target, sizeof m->target, "/%s/%s/%s", m->country[out->group], what, n->id[at]);
}

static void search(struct mix *m, struct load_request *out, const struct mix_names *items)
{
    size_t at = rng_below(&m->rng, (uint32_t)items->count);
    if (items->word[at][0] == '\0')
        read_one(m, out, "items", items);
    else
        snprintf(m->target, sizeof m->target, "/%s/items?q=%s&limit=20", m->country[out->group],
                 items->word[at]);
}

static void post(struct mix *m, struct load_request *out)
{
    out->method = "POST";
    out->target = m->post.target;
    out->key = m->post.key;
    out->body = m->post.body;
    out->len = m->post.len;
}

static void order(struct mix *m, struct load_request *out, const struct mix_country *c)
{
    const char *country = m->country[out->group];
    struct shop_post *p = &m->post;
    uint32_t customer = rng_below(&m->rng, (uint32_t)c->customers.count);
    uint32_t item = rng_below(&m->rng, (uint32_t)c->items.count);
    size_t lines = 1 + rng_below(&m->rng, MIX_LINES_MAX);
    if (lines > c->items.count)
        lines = c->items.count;
    snprintf(p->target, sizeof p->target, "/%s/orders", country);
    snprintf(p->key, sizeof p->key, "load-%s-%llu", m->run, (unsigned long long)m->order_count++);
    int n = snprintf(p->body, sizeof p->body, "{\"customer\":\"%s\",\"lines\":[",
                     c->customers.id[customer]);
    for (size_t i = 0; i < lines; i++) { /* neighbours, so that each is another */
        uint32_t quantity = 1 + rng_below(&m->rng, 12);
        n +=
            snprintf(p->body + n, sizeof p->body - (size_t)n, "%s{\"item\":\"%s\",\"quantity\":%u}",
                     i == 0 ? "" : ",", c->items.id[(item + i) % c->items.count], quantity);
    }
    n += snprintf(p->body + n, sizeof p->body - (size_t)n, "]}");
    p->len = (size_t)n;
    post(m, out);
}

static size_t group_of(const struct mix *m, const char *country)
{
    size_t i = 0;
    while (i < m->country_count && strcmp(m->country[i], country) != 0)
        i++;
    return i;
}

/* The file's next order of one of our countries. */
static bool replay(struct mix *m, struct load_request *out)
{
    for (; m->replay_at < m->replay->order_count; m->replay_at++) {
        const struct shop_order *o = &m->replay->orders[m->replay_at];
        size_t group = group_of(m, o->country);
        if (group == m->country_count)
            continue;
        if (m->order_count++ == 0)
            m->replay_from_min = o->at_min;
        out->group = (uint32_t)group;
        out->at_us = (o->at_min - m->replay_from_min) * 60000000 / m->speed;
        out->id = (uint32_t)++m->replay_at;
        shop_post_order(&m->post, o);
        post(m, out);
        return true;
    }
    return false;
}

/* ---- faults of those who ask ---- */

/* What a country asks, and its poisonous customer, in shares of what a country asks else. */
static double asked(const struct mix *m, size_t country, int64_t now_us, bool poison)
{
    const struct leases *l = &m->leases->leases;
    if (!poison)
        return leases_surge(l, m->place[country], now_us);
    return leases_poison(l, m->place[country], now_us) * (double)m->country_count / m->rate;
}

static double asked_all(const struct mix *m, int64_t now_us)
{
    double sum = 0;
    for (size_t i = 0; i < m->country_count; i++) {
        double well = asked(m, i, now_us, false), ill = asked(m, i, now_us, true);
        sum += well + ill;
    }
    return sum;
}

double mix_pace(void *context)
{
    struct mix *m = context;
    int64_t now_us = clock_us();
    if (m->leases == NULL)
        return 1;
    lease_file_glance(m->leases, now_us);
    return m->leases->leases.count == 0 ? 1 : asked_all(m, now_us) / (double)m->country_count;
}

/* Which country asks, into out->group. True when it is its poisonous customer. */
static bool draw_asker(struct mix *m, struct load_request *out)
{
    if (m->leases == NULL || m->leases->leases.count == 0) {
        out->group = rng_below(&m->rng, (uint32_t)m->country_count);
        return false;
    }
    int64_t now_us = clock_us();
    double at = rng_f64(&m->rng) * asked_all(m, now_us);
    for (size_t i = 0; i < m->country_count; i++)
        for (int poison = 0; poison <= 1; poison++) {
            double share = asked(m, i, now_us, poison == 1);
            out->group = (uint32_t)i;
            if (at < share)
                return poison == 1;
            at -= share;
        }
    return false;
}

static void ask_poison(struct mix *m, struct load_request *out)
{
    const char *country = m->country[out->group];
    struct error err;
    char id[ID_TEXT];
    if (id_of_code(id, country, ID_CUSTOMER, LEASE_POISON, &err) == 0)
        snprintf(m->target, sizeof m->target, "/%s/customers/%s", country, id);
}

bool mix_next(void *context, struct load_request *out)
{
    struct mix *m = context;
    enum mix_kind kind = draw_kind(m);
    if (kind == MIX_ORDER && m->replay != NULL)
        return replay(m, out);
    bool poison = draw_asker(m, out);
    out->method = "GET";
    out->target = m->target;
    if (poison) {
        ask_poison(m, out);
        return true;
    }
    const struct mix_country *c = &m->countries[out->group];
    if (kind == MIX_VENDOR && c->vendors.count == 0)
        kind = MIX_ITEM;
    switch (kind) {
    case MIX_ORDER:
        order(m, out, c);
        break;
    case MIX_SEARCH:
        search(m, out, &c->items);
        break;
    case MIX_CUSTOMER:
        read_one(m, out, "customers", &c->customers);
        break;
    case MIX_VENDOR:
        read_one(m, out, "vendors", &c->vendors);
        break;
    default:
        read_one(m, out, "items", &c->items);
        break;
    }
    return true;
}

void mix_done(void *context, const struct load_request *r, enum load_outcome outcome,
              const struct http_reply *reply)
{
    struct mix *m = context;
    char id[ID_TEXT];
    failures_note(&m->failures, r, outcome, reply);
    if (r->id == 0 || outcome != LOAD_OK || m->acknowledged == NULL)
        return;
    const struct shop_order *o = &m->replay->orders[r->id - 1];
    const char *location = http_reply_header(reply, "Location");
    const char *slash = location == NULL ? NULL : strrchr(location, '/');
    id_of_key(id, o->country, ID_ORDER, o->invoice);
    m->wrong_ids += slash == NULL || strcmp(slash + 1, id) != 0;
    m->acknowledged[r->id - 1] = true;
}
