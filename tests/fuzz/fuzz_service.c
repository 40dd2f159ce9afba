/* fuzz_service.c - what a service is sent: targets, tags, bodies and words to search for. The first
 * byte says which; what is accepted keeps its promises. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_scan.h"
#include "base/layout.h"
#include "region/catalog.h"
#include "region/cell.h"
#include "region/order.h"
#include "region/record.h"
#include "region/target.h"
#include "wire/store_tx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_utf8(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0, n; i < len; i += n)
        if ((n = json_scan_utf8(text + i, len - i)) == 0)
            return false;
    return true;
}

static void try_target(const char *text)
{
    struct error err = {0};
    struct target t;
    struct id id;
    if (target_parse(&t, text, &err) != 0) {
        assert(err.code != ERR_NONE && err.text[0] != '\0');
        return;
    }
    assert(t.country[0] == '\0' ? t.id[0] == '\0' : strlen(t.country) == 2);
    assert(t.name[0] != '\0' && strpbrk(t.name, "/?") == NULL && strpbrk(t.id, "/?") == NULL);
    assert(t.limit >= 1 && t.limit <= TARGET_LIMIT_MAX);
    assert(is_utf8(t.words) && is_utf8(t.after) && is_utf8(t.customer));
    if (id_parse(&id, t.id))
        assert(strncmp(id.country, t.id, 2) == 0 && strlen(t.id) <= ID_MAX);
}

static void try_headers(const char *text)
{
    target_names_etag(text, "\"0\"");
    target_is_json(text);
    if (id_key_ok(text)) {
        char id[ID_TEXT];
        struct id parsed;
        id_of_key(id, "de", ID_ORDER, text);
        assert(id_parse(&parsed, id) && parsed.kind == ID_ORDER);
    }
}

static void try_body(enum layout_service service, const char *body, size_t len)
{
    struct arena a = {0};
    struct error err = {0};
    struct record_create one, two;
    struct id id;
    const struct kind *kind = cell_kind(service);
    if (record_create_init(&one, kind, "de", "key", 1, body, len, &a, &err) == 0) {
        assert(id_parse(&id, one.id) && id.kind == kind->id && strcmp(id.country, "de") == 0);
        assert(one.facts.code != NULL || strcmp(one.id, one.key) == 0);
        assert(record_create_init(&two, kind, "de", "yek", 2, body, len, &a, &err) == 0);
        assert(strcmp(one.hash, two.hash) == 0 && strcmp(one.key, two.key) != 0);
        size_t end = strlen(one.text);
        assert(end > 3 && strcmp(one.text + end - 3, "\n}\n") == 0 && is_utf8(one.text));
        void *again = arena_alloc(&a, 1, kind->size);
        assert(json_decode(again, kind->size, kind->fields, one.text, end, NULL, 0, &a, &err) == 0);
    } else {
        assert(err.code != ERR_NONE && err.text[0] != '\0');
    }
    arena_release(&a);
}

static void try_reservation(const char *body, size_t len)
{
    struct arena a = {0};
    struct error err = {0};
    struct catalog_reserve r;
    if (catalog_reserve_init(&r, "de", body, len, &a, &err) == 0)
        assert(r.wanted.line_count >= 1 && r.wanted.line_count <= LINES_MAX && is_utf8(r.text));
    else
        assert(err.code != ERR_NONE);
    arena_release(&a);
}

/* Whatever the words, the index understands the question. */
static void try_search(const char *words)
{
    static struct store_tx *tx;
    struct arena a = {0};
    struct error err = {0};
    struct record_list list;
    if (tx == NULL) {
        assert(store_tx_open(&tx, ":memory:", STORE_TX_WRITE, &err) == 0);
        assert(store_tx_script(tx, item_kind.schema[0], &err) == 0);
        assert(store_tx_begin(tx, 0, &err) == 0);
    }
    if (strlen(words) < TARGET_WORDS_TEXT && is_utf8(words)) {
        assert(catalog_search_init(&list, "de", words, 10, &a) == 0);
        assert(store_tx_work(tx, record_list_work, &list, 5000000, &err) == 0);
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size == 0 ? NULL : malloc(size);
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0]) {
    case 't':
        try_target(text);
        break;
    case 'h':
        try_headers(text);
        break;
    case 'c':
        try_body(LAYOUT_CUSTOMER, text, size - 1);
        break;
    case 'i':
        try_body(LAYOUT_CATALOG, text, size - 1);
        break;
    case 'o':
        try_body(LAYOUT_ORDER, text, size - 1);
        break;
    case 'r':
        try_reservation(text, size - 1);
        break;
    case 's':
        try_search(text);
        break;
    }
    free(text);
    return 0;
}
