#include "region/record.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_text.h"

/* ---- a record's text ---- */

static const char TEXT_END[] = "\n}\n"; /* of what json_encode makes of an object */

/* The text of a row: `body`, and its stock, which changes while the rest does not. NULL when memory
 * is out. */
static char *row_text(struct arena *a, const struct store_value *body,
                      const struct store_value *stock)
{
    size_t end = sizeof TEXT_END - 1;
    if (stock->type != STORE_I64)
        return arena_string(a, body->text, body->len);
    assert(body->len > end && memcmp(body->text + body->len - end, TEXT_END, end) == 0);
    return arena_format(a, "%.*s,\n  \"stock\": %" PRId64 "%s", (int)(body->len - end), body->text,
                        stock->i64, TEXT_END);
}

int record_check_text(const char *text, const char *what, struct error *err)
{
    if (strlen(text) > RECORD_NAME_BYTES || text[strspn(text, " ")] == '\0')
        return error_set(err, ERR_RANGE, "%s: expected 1 to %d bytes, not all of them spaces", what,
                         RECORD_NAME_BYTES);
    return 0;
}

/* ---- create ---- */

int record_create_init(struct record_create *c, const struct kind *kind, const char *country,
                       const char *key, int64_t now_ms, const char *body, size_t len,
                       struct arena *a, struct error *err)
{
    *c = (struct record_create){.kind = kind, .a = a};
    struct record *made = arena_alloc(a, 1, kind->size);
    if (made == NULL)
        return error_memory(err);
    if (json_decode(made, kind->size, kind->body, body, len, NULL, 0, a, err) != 0 ||
        kind->check(made, country, &c->facts, a, err) != 0)
        return -1;
    id_of_key(c->key, country, kind->id, key);
    memcpy(c->id, c->key, sizeof c->id);
    if (c->facts.code != NULL && id_of_code(c->id, country, kind->id, c->facts.code, err) != 0)
        return -1;
    /* As we write it, so that spaces and the order of the keys do not matter. */
    const char *same = json_encode(made, kind->body, a);
    made->id = c->id;
    made->created_ms = now_ms;
    c->made = made;
    c->text = json_encode(made, kind->fields, a);
    if (same == NULL || c->text == NULL)
        return error_memory(err);
    digest_text(c->hash, same, strlen(same));
    return 0;
}

struct found {
    struct record_create *c;
    bool any;
    bool failed;
    bool same; /* it is the record of the same write */
};

/* Columns: hash, body, stock. */
static int take_found(void *context, const struct store_value *column, size_t count)
{
    struct found *f = context;
    assert(count == 3);
    f->any = true;
    f->same =
        column[0].len == DIGEST_CHARS && memcmp(column[0].text, f->c->hash, DIGEST_CHARS) == 0;
    f->c->found = f->same ? row_text(f->c->a, &column[1], &column[2]) : NULL;
    f->failed = f->same && f->c->found == NULL;
    return 1;
}

static struct store_value text_of(const char *text)
{
    return text == NULL ? (struct store_value){.type = STORE_NULL} : store_text(text, strlen(text));
}

/* Whether the key has been used. Only a record with a code bears its key beside its id, so kinds
 * without codes could skip this; what they would save is one look into an empty index. */
static int find_key(struct store_tx *tx, struct found *f, struct error *err)
{
    struct store_value key = text_of(f->c->key);
    return store_run(tx,
                     "SELECT hash, body, stock FROM record WHERE id = ?1 "
                     "UNION ALL SELECT hash, body, stock FROM record WHERE key = ?1",
                     &key, 1, take_found, f, NULL, err);
}

static int find_id(struct store_tx *tx, struct found *f, struct error *err)
{
    struct store_value id = text_of(f->c->id);
    return store_run(tx, "SELECT hash, body, stock FROM record WHERE id = ?1", &id, 1, take_found,
                     f, NULL, err);
}

static int insert(struct store_tx *tx, struct record_create *c, struct error *err)
{
    bool coded = strcmp(c->id, c->key) != 0;
    struct store_value args[] = {
        text_of(c->id),
        text_of(coded ? c->key : NULL),
        store_text(c->hash, DIGEST_CHARS),
        text_of(c->facts.owner),
        c->facts.counted ? store_i64(c->facts.stock) : (struct store_value){.type = STORE_NULL},
        text_of(c->text),
    };
    if (store_run(tx,
                  "INSERT INTO record (id, key, hash, owner, stock, body) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                  args, sizeof args / sizeof args[0], NULL, NULL, NULL, err) != 0 ||
        (c->kind->created != NULL && c->kind->created(tx, c, err) != 0))
        return -1;
    c->found = row_text(c->a, &args[5], &args[4]);
    c->outcome = RECORD_CREATED;
    return c->found == NULL ? error_memory(err) : 0;
}

int record_create_work(struct store_tx *tx, void *context, struct error *err)
{
    struct record_create *c = context;
    struct found f = {.c = c};
    c->outcome = RECORD_NONE;
    c->found = NULL;
    if (find_key(tx, &f, err) != 0)
        return -1;
    bool by_key = f.any;
    if (!f.any && strcmp(c->id, c->key) != 0 && find_id(tx, &f, err) != 0)
        return -1;
    if (f.failed)
        return error_memory(err);
    if (!f.any)
        return insert(tx, c, err);
    c->outcome = f.same ? RECORD_REPEATED : by_key ? RECORD_KEY_REUSED : RECORD_TAKEN;
    return 0;
}

/* ---- read ---- */

struct reading {
    struct record_read *r;
    bool failed;
};

static int take_read(void *context, const struct store_value *column, size_t count)
{
    struct reading *reading = context;
    assert(count == 2);
    reading->r->found = row_text(reading->r->a, &column[0], &column[1]);
    reading->failed = reading->r->found == NULL;
    return 1;
}

int record_read_work(struct store_tx *tx, void *context, struct error *err)
{
    struct record_read *r = context;
    struct reading reading = {.r = r};
    struct store_value id = text_of(r->id);
    r->found = NULL;
    if (store_run(tx, "SELECT body, stock FROM record WHERE id = ?1", &id, 1, take_read, &reading,
                  NULL, err) != 0)
        return -1;
    return reading.failed ? error_memory(err) : 0;
}

int record_probe_work(struct store_tx *tx, void *context, struct error *err)
{
    (void)context;
    return store_run(tx, "SELECT count(*) FROM (SELECT 1 FROM record LIMIT 1) AS one", NULL, 0,
                     NULL, NULL, NULL, err);
}

/* ---- list ---- */

int record_list_init(struct record_list *l, const struct kind *kind, const char *country,
                     const char *owner, const char *after, int64_t limit, struct arena *a)
{
    char low[ID_TEXT], high[ID_TEXT];
    id_bounds(low, high, country, kind->id);
    const char *begin = owner == NULL && after[0] == '\0' ? low : after;
    char *from = arena_string(a, begin, strlen(begin)), *to = arena_string(a, high, strlen(high));
    if (from == NULL || to == NULL)
        return -1;
    *l = (struct record_list){
        .a = a,
        .sql = owner == NULL ? "SELECT id, body, stock FROM record WHERE id > ?1 AND id < ?2 "
                               "ORDER BY id LIMIT ?3"
               : after[0] == '\0'
                   ? "SELECT id, body, stock FROM record WHERE owner = ?2 ORDER BY seq LIMIT ?3"
                   : "SELECT id, body, stock FROM record WHERE owner = ?2 AND "
                     "seq > (SELECT seq FROM record WHERE id = ?1) ORDER BY seq LIMIT ?3",
        /* One more than is shown tells whether there are more. */
        .args = {text_of(from), text_of(owner == NULL ? to : owner), store_i64(limit + 1)},
        .arg_count = 3,
        .limit = (size_t)limit,
        .paged = true,
    };
    return 0;
}

struct page {
    struct record_list *l;
    struct json_text text;
    size_t count, bytes;
    char last[ID_TEXT]; /* the id of the last one shown */
    bool more;
    bool failed;
};

static int take_row(void *context, const struct store_value *column, size_t count)
{
    struct page *p = context;
    assert(count == 3 && column[0].len < ID_TEXT);
    if (p->count == p->l->limit || p->bytes >= RECORD_PAGE_BYTES) {
        p->more = true;
        return 1;
    }
    char *text = row_text(p->l->a, &column[1], &column[2]);
    if (text == NULL) {
        p->failed = true;
        return 1;
    }
    size_t len = strlen(text);
    text[len - 1] = '\0'; /* its newline */
    json_text_word(&p->text, text);
    p->count++;
    p->bytes += len;
    memcpy(p->last, column[0].text, column[0].len);
    p->last[column[0].len] = '\0';
    return 0;
}

int record_list_work(struct store_tx *tx, void *context, struct error *err)
{
    struct record_list *l = context;
    struct page p = {.l = l};
    json_text_open(&p.text, '{');
    json_text_key(&p.text, "items");
    json_text_open(&p.text, '[');
    int status = store_run(tx, l->sql, l->args, l->arg_count, take_row, &p, NULL, err);
    json_text_close(&p.text, ']');
    json_text_key(&p.text, "next");
    if (p.more && l->paged)
        json_text_string(&p.text, p.last);
    else
        json_text_word(&p.text, "null");
    json_text_close(&p.text, '}');
    l->page = json_text_take(&p.text, l->a);
    if (status != 0)
        return -1;
    return p.failed || l->page == NULL ? error_memory(err) : 0;
}
