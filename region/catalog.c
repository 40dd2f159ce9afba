#include "region/catalog.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

/* ---- items ---- */

#define ITEM_ROWS                                                                    \
    JSON_STR(struct item, description, "description", .required = true,              \
             .doc = "What it is; searched"),                                         \
        JSON_I64(struct item, price_pence, "price_pence", 0, 1e12, .doc = "Of one"), \
        JSON_STR(struct item, vendor, "vendor", .nullable = true,                    \
                 .doc = "The id of who sells it"),                                   \
        JSON_STR(struct item, code, "code", .nullable = true,                        \
                 .doc = "The body of its id, if it brings one")

static const struct json_field body_fields[] = {
    ITEM_ROWS,
    JSON_I64(struct item, stock, "stock", RECORD_UNCOUNTED, 1e12, .preset = "-1",
             .doc = "How many there are; -1 or left out: not counted"),
    JSON_END,
};
static const struct json_field fields[] = {
    RECORD_ROWS_FIRST(struct item),
    ITEM_ROWS,
    RECORD_ROWS_LAST(struct item),
    JSON_END,
};

static const char *const schema[] = {
    RECORD_SCHEMA "CREATE VIRTUAL TABLE search USING fts5(words, id UNINDEXED, "
                  "tokenize = 'unicode61 remove_diacritics 2');"
                  "CREATE TABLE reservation (order_id TEXT PRIMARY KEY, hash TEXT NOT NULL, "
                  "body TEXT NOT NULL);",
};

static int check(const void *body, const char *country, struct record_facts *facts, struct arena *a,
                 struct error *err)
{
    const struct item *item = body;
    (void)a;
    *facts = (struct record_facts){
        .code = item->code, .words = item->description, .counted = true, .stock = item->stock};
    if (record_check_text(item->description, "description", err) != 0)
        return -1;
    return item->vendor == NULL ? 0 : id_check(item->vendor, country, ID_VENDOR, "vendor", err);
}

static int created(struct store_tx *tx, const struct record_create *c, struct error *err)
{
    struct store_value args[] = {
        store_text(c->id, strlen(c->id)),
        store_text(c->facts.words, strlen(c->facts.words)),
    };
    return store_run(tx, "INSERT INTO search (id, words) VALUES (?1, ?2)", args, 2, NULL, NULL,
                     NULL, err);
}

const struct kind item_kind = {
    .name = "item",
    .plural = "items",
    .id = ID_ITEM,
    .size = sizeof(struct item),
    .body = body_fields,
    .fields = fields,
    .check = check,
    .created = created,
    .schema = schema,
    .schema_count = sizeof schema / sizeof schema[0],
};

/* ---- search ---- */

/* Words as the index wants them asked: each in quotes, so that none of its operators is meant, and
 * the last one open at its end. NULL when memory is out. */
static char *match_of(const char *words, struct arena *a)
{
    size_t len = strlen(words), used = 0;
    char *out = arena_alloc(a, 4 * len + 4, 1);
    if (out == NULL)
        return NULL;
    for (const char *at = words + strspn(words, " "); *at != '\0'; at += strspn(at, " ")) {
        out[used++] = '"';
        for (; *at != ' ' && *at != '\0'; at++) {
            if (*at == '"')
                out[used++] = '"';
            out[used++] = *at;
        }
        out[used++] = '"';
        out[used++] = ' ';
    }
    if (used == 0) /* nothing is asked for, and found */
        memcpy(out, "\"\"", 2);
    else
        out[used - 1] = '*';
    return out;
}

int catalog_search_init(struct record_list *l, const char *country, const char *words,
                        int64_t limit, struct arena *a)
{
    char low[ID_TEXT], high[ID_TEXT];
    id_bounds(low, high, country, ID_ITEM);
    char *match = match_of(words, a), *from = arena_string(a, low, strlen(low)),
         *to = arena_string(a, high, strlen(high));
    if (match == NULL || from == NULL || to == NULL)
        return -1;
    *l = (struct record_list){
        .a = a,
        .sql = "SELECT r.id, r.body, r.stock FROM search s JOIN record r ON r.id = s.id "
               "WHERE search MATCH ?4 AND s.id > ?1 AND s.id < ?2 ORDER BY s.rank LIMIT ?3",
        .args = {store_text(from, strlen(from)), store_text(to, strlen(to)), store_i64(limit),
                 store_text(match, strlen(match))},
        .arg_count = 4,
        .limit = (size_t)limit,
    };
    return 0;
}

/* ---- reservations ---- */

const struct json_field reservation_fields[] = {
    JSON_STR(struct reservation, order, "order", .required = true, .doc = "The order's id"),
    JSON_LIST(struct reservation, lines, line_count, "lines", struct line, line_fields,
              .required = true, .count_min = 1, .count_max = LINES_MAX,
              .doc = "What to hold for it"),
    JSON_END,
};

int catalog_reserve_init(struct catalog_reserve *r, const char *country, const char *body,
                         size_t len, struct arena *a, struct error *err)
{
    *r = (struct catalog_reserve){0};
    struct reservation *wanted = &r->wanted;
    if (json_decode(wanted, sizeof *wanted, reservation_fields, body, len, NULL, 0, a, err) != 0 ||
        id_check(wanted->order, country, ID_ORDER, "order", err) != 0 ||
        lines_check(wanted->lines, wanted->line_count, country, a, err) != 0)
        return -1;
    r->text = json_encode(wanted, reservation_fields, a);
    if (r->text == NULL)
        return error_memory(err);
    digest_text(r->hash, r->text, strlen(r->text));
    return 0;
}

static int take_same(void *context, const struct store_value *column, size_t count)
{
    struct catalog_reserve *r = context;
    assert(count == 1);
    bool same = column[0].len == DIGEST_CHARS && memcmp(column[0].text, r->hash, DIGEST_CHARS) == 0;
    r->outcome = same ? RESERVE_REPEATED : RESERVE_CHANGED;
    return 1;
}

static int take_left(void *context, const struct store_value *column, size_t count)
{
    struct catalog_reserve *r = context;
    assert(count == 1);
    r->outcome = RESERVE_LACKS;
    r->left = column[0].i64;
    return 1;
}

static int reserve_line(struct store_tx *tx, struct catalog_reserve *r, size_t index,
                        struct error *err)
{
    const struct line *line = &r->wanted.lines[index];
    struct store_value args[] = {store_text(line->item, strlen(line->item)),
                                 store_i64(line->quantity)};
    int64_t changed;
    if (store_run(tx, "UPDATE record SET stock = stock - ?2 WHERE id = ?1 AND stock >= ?2", args, 2,
                  NULL, NULL, &changed, err) != 0)
        return -1;
    if (changed == 1)
        return 0;
    r->outcome = RESERVE_UNKNOWN;
    r->line = index;
    if (store_run(tx, "SELECT stock FROM record WHERE id = ?1", args, 1, take_left, r, NULL, err) !=
        0)
        return -1;
    if (r->outcome == RESERVE_LACKS && r->left == RECORD_UNCOUNTED)
        return 0;
    return error_set(err, ERR_CONFLICT, "%s: %s", line->item,
                     r->outcome == RESERVE_LACKS ? "not so many" : "no such item");
}

int catalog_reserve_work(struct store_tx *tx, void *context, struct error *err)
{
    struct catalog_reserve *r = context;
    struct store_value args[] = {
        store_text(r->wanted.order, strlen(r->wanted.order)),
        store_text(r->hash, DIGEST_CHARS),
        store_text(r->text, strlen(r->text)),
    };
    r->outcome = RESERVE_NONE;
    int64_t changed;
    if (store_run(tx,
                  "INSERT INTO reservation (order_id, hash, body) VALUES (?1, ?2, ?3) "
                  "ON CONFLICT DO NOTHING",
                  args, 3, NULL, NULL, &changed, err) != 0)
        return -1;
    if (changed == 0)
        return store_run(tx, "SELECT hash FROM reservation WHERE order_id = ?1", args, 1, take_same,
                         r, NULL, err);
    for (size_t i = 0; i < r->wanted.line_count; i++)
        if (reserve_line(tx, r, i, err) != 0)
            return -1;
    r->outcome = RESERVE_MADE;
    return 0;
}
