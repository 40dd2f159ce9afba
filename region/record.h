/* record.h - what the kinds of record share: how they are kept, made once, read and listed.
 *
 * A customer, a vendor, an item and an order differ in their bodies; each kind is a `struct kind`.
 * The works below are units of work for base/store.h: they run on another thread and perhaps more
 * than once, so each touches its command alone, whose arena takes the answer. A command carries its
 * time and its ids: the same command makes the same rows everywhere. */
#ifndef REGION_RECORD_H
#define REGION_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/store.h"
#include "region/digest.h"
#include "region/ids.h"

struct arena;
struct error;
struct record_create;

enum {
    RECORD_UNCOUNTED = -1,       /* a stock that never ends */
    RECORD_PAGE_BYTES = 1 << 20, /* a page ends behind this, whatever its limit */
    RECORD_NAME_BYTES = 1000,    /* of a name or description */
};

struct record { /* the first member of every kind's struct */
    const char *id;
    int64_t created_ms; /* since 1970 */
};

#define RECORD_ROWS_FIRST(s) JSON_STR(s, record.id, "id", .doc = "Its name for good")
#define RECORD_ROWS_LAST(s) \
    JSON_I64(s, record.created_ms, "created_ms", 0, 9e15, .doc = "Milliseconds since 1970")

/* Whether `text` is 1 to RECORD_NAME_BYTES bytes and not only spaces. 0, or -1 with `err` set. */
int record_check_text(const char *text, const char *what, struct error *err);

struct record_facts {  /* what is kept beside the text */
    const char *code;  /* the id's body; NULL: made from the key */
    const char *owner; /* the id by which it is listed as well; NULL: none */
    const char *words; /* to be found by; NULL: not at all */
    bool counted;      /* has a stock */
    int64_t stock;     /* RECORD_UNCOUNTED or how many there are */
};

struct kind {
    const char *name;   /* "customer", in sentences */
    const char *plural; /* "customers", in paths */
    enum id_kind id;
    size_t size;                     /* of its struct, which begins with struct record */
    const struct json_field *body;   /* what a POST brings */
    const struct json_field *fields; /* what is kept, and answered */

    /* What the table cannot say of a decoded body, and its facts, which point into it. 0, or -1
     * with `err` set: ERR_CONFLICT when it names a record of another country. `a` is for notes. */
    int (*check)(const void *body, const char *country, struct record_facts *facts, struct arena *a,
                 struct error *err);

    /* More rows for a new record, NULL for none. 0, or -1 with `err` set. */
    int (*created)(struct store_tx *tx, const struct record_create *c, struct error *err);

    const char *const *schema; /* the store's history, by version */
    size_t schema_count;
};

/* The first version of every schema. `seq` grows, so that an owner's records are found in the order
 * of their making, and new ones lie together. */
#define RECORD_SCHEMA                                                               \
    "CREATE TABLE record (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "       \
    "key TEXT, hash TEXT NOT NULL, owner TEXT, stock INTEGER, body TEXT NOT NULL);" \
    "CREATE UNIQUE INDEX record_key ON record (key) WHERE key IS NOT NULL;"         \
    "CREATE INDEX record_owner ON record (owner, seq) WHERE owner IS NOT NULL;"

/* ---- create ---- */

enum record_outcome {
    RECORD_NONE, /* nothing came of it */
    RECORD_CREATED,
    RECORD_REPEATED,   /* was there already, by the same write */
    RECORD_KEY_REUSED, /* the key has been used for something else */
    RECORD_TAKEN,      /* the code has */
};

struct record_create { /* a command, and its answer */
    const struct kind *kind;
    struct arena *a;
    char id[ID_TEXT];
    char key[ID_TEXT]; /* the id that the key makes; the same as `id` unless there is a code */
    char hash[DIGEST_TEXT];
    struct record_facts facts;
    const struct record *made; /* the kind's struct, decoded */
    const char *text;          /* to keep */
    enum record_outcome outcome;
    const char *found; /* the record's text, when created or repeated */
};

/* Make the command from a body. `country` is two small letters, `key` passes id_key_ok. 0, or -1
 * with `err` set: ERR_SYNTAX when the body is not JSON, ERR_CONFLICT as in `check`, ERR_MEMORY, and
 * others when it is not right. */
int record_create_init(struct record_create *c, const struct kind *kind, const char *country,
                       const char *key, int64_t now_ms, const char *body, size_t len,
                       struct arena *a, struct error *err);

store_work record_create_work; /* context: struct record_create */

/* ---- read ---- */

struct record_read {
    struct arena *a;
    const char *id;
    const char *found; /* its text; NULL: there is none */
};

store_work record_read_work; /* context: struct record_read */

/* A question that any store answers, to see that it does. No context. */
store_work record_probe_work;

/* ---- list ---- */

struct record_list {
    struct arena *a;
    const char *sql; /* of columns id, body, stock */
    struct store_value args[4];
    size_t arg_count;
    size_t limit;
    bool paged;       /* whether there can be more behind the last */
    const char *page; /* {"items": [...], "next": ID or null} */
};

/* The records of a country and kind by id, or those of one owner, unless it is NULL, the oldest
 * first; and from behind `after` unless that is "". Arguments are borrowed until the work has run.
 * 0, or -1 when memory is out. */
int record_list_init(struct record_list *l, const struct kind *kind, const char *country,
                     const char *owner, const char *after, int64_t limit, struct arena *a);

store_work record_list_work; /* context: struct record_list */

#endif
