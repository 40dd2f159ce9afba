#include "commands/orders_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/lists.h"
#include "region/ids.h"

struct name { /* an id, and whose it is */
    char id[ID_TEXT];
    size_t index;
};

struct check {
    struct orders_check *result;
    const struct shop *shop;
    struct name *orders; /* of all that were sent, sorted */
    size_t order_count;
    struct name *items; /* of all countries, sorted; index: into `gone` and `left` */
    size_t item_count;
    uint32_t *seen; /* by order */
    int64_t *gone;  /* by item: what the orders that are there took */
    int64_t *left;  /* by item: as listed; -1 for not listed */
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->id, ((const struct name *)b)->id);
}

static const struct name *find(const struct name *names, size_t count, const char *id)
{
    struct name key;
    size_t len = strnlen(id, sizeof key.id);
    if (len == sizeof key.id)
        return NULL;
    memcpy(key.id, id, len + 1);
    return bsearch(&key, names, count, sizeof key, compare);
}

/* ---- what is listed ---- */

/* The customer and each line are those that were sent. */
static bool is_as_sent(const struct shop_order *sent, const struct list_row *row)
{
    char customer[ID_TEXT], item[ID_TEXT];
    struct error err;
    if (row->customer == NULL || row->line_count != sent->line_count ||
        id_of_code(customer, sent->country, ID_CUSTOMER, sent->customer, &err) != 0 ||
        strcmp(row->customer, customer) != 0)
        return false;
    for (size_t i = 0; i < row->line_count; i++)
        if (row->lines[i].quantity != sent->lines[i].quantity || row->lines[i].item == NULL ||
            id_of_code(item, sent->country, ID_ITEM, sent->lines[i].code, &err) != 0 ||
            strcmp(row->lines[i].item, item) != 0)
            return false;
    return true;
}

static void take_order(void *context, const struct list_row *row)
{
    struct check *c = context;
    const struct name *name = find(c->orders, c->order_count, row->id);
    if (name == NULL) {
        c->result->others++;
        return;
    }
    const struct shop_order *sent = &c->shop->orders[name->index];
    if (c->seen[name->index]++ > 0) {
        c->result->twice++;
        return;
    }
    c->result->there++;
    c->result->strange += !is_as_sent(sent, row);
    for (size_t i = 0; i < row->line_count; i++) {
        const char *id = row->lines[i].item;
        const struct name *item = id == NULL ? NULL : find(c->items, c->item_count, id);
        if (item != NULL)
            c->gone[item->index] += row->lines[i].quantity;
    }
}

static void take_item(void *context, const struct list_row *row)
{
    struct check *c = context;
    const struct name *item = find(c->items, c->item_count, row->id);
    if (item != NULL)
        c->left[item->index] = row->stock;
}

/* ---- what is expected ---- */

static int name_orders(struct check *c, char (*country)[3], size_t country_count, struct arena *a,
                       struct error *err)
{
    size_t count = c->shop->order_count;
    c->orders = arena_alloc(a, count, sizeof c->orders[0]);
    c->seen = arena_alloc(a, count, sizeof c->seen[0]);
    if (c->orders == NULL || c->seen == NULL)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct shop_order *o = &c->shop->orders[i];
        size_t k = 0;
        while (k < country_count && strcmp(country[k], o->country) != 0)
            k++;
        if (k == country_count)
            continue;
        struct name *name = &c->orders[c->order_count++];
        id_of_key(name->id, o->country, ID_ORDER, o->invoice);
        name->index = i;
    }
    qsort(c->orders, c->order_count, sizeof c->orders[0], compare);
    return 0;
}

static int name_items(struct check *c, char (*country)[3], size_t country_count, struct arena *a,
                      struct error *err)
{
    size_t count = c->shop->product_count * country_count;
    c->items = arena_alloc(a, count, sizeof c->items[0]);
    c->gone = arena_alloc(a, count, sizeof c->gone[0]);
    c->left = arena_alloc(a, count, sizeof c->left[0]);
    if (c->items == NULL || c->gone == NULL || c->left == NULL)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct shop_product *p = &c->shop->products[i / country_count];
        c->left[i] = -1;
        c->items[i].index = i;
        if (id_of_code(c->items[i].id, country[i % country_count], ID_ITEM, p->code, err) != 0)
            return -1;
    }
    c->item_count = count;
    qsort(c->items, count, sizeof c->items[0], compare);
    return 0;
}

static int fetch(struct check *c, char (*country)[3], size_t country_count, int port,
                 const volatile sig_atomic_t *stop, struct arena *a, struct error *err)
{
    size_t kinds = c->item_count > 0 ? 2 : 1;
    struct list *lists = arena_alloc(a, kinds * country_count, sizeof lists[0]);
    if (lists == NULL)
        return error_memory(err);
    for (size_t i = 0; i < kinds * country_count; i++) {
        bool orders = i % kinds == 0;
        lists[i] = (struct list){.what = orders ? "orders" : "items",
                                 .take = orders ? take_order : take_item,
                                 .context = c};
        memcpy(lists[i].country, country[i / kinds], sizeof lists[i].country);
    }
    return lists_fetch(lists, kinds * country_count, port, stop, a, err);
}

int orders_check(struct orders_check *result, const struct shop *shop, const bool *acknowledged,
                 char (*country)[3], size_t country_count, int port,
                 const volatile sig_atomic_t *stop, struct arena *a, struct error *err)
{
    struct check c = {.result = result, .shop = shop};
    *result = (struct orders_check){0};
    if (name_orders(&c, country, country_count, a, err) != 0 ||
        name_items(&c, country, country_count, a, err) != 0 ||
        fetch(&c, country, country_count, port, stop, a, err) != 0)
        return -1;
    for (size_t i = 0; i < shop->order_count; i++) {
        result->acknowledged += acknowledged[i];
        result->missing += acknowledged[i] && c.seen[i] == 0;
        result->unacknowledged += !acknowledged[i] && c.seen[i] > 0;
    }
    for (size_t i = 0; i < c.item_count; i++)
        result->stock_wrong += c.left[i] != SHOP_STOCK - c.gone[i];
    return 0;
}

bool orders_check_ok(const struct orders_check *r)
{
    return r->missing == 0 && r->twice == 0 && r->strange == 0;
}
