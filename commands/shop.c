#include "commands/shop.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/csv_file.h"
#include "commands/files.h"
#include "region/lines.h"

static const char vendor_code[] = "shop";

/* ---- reading ---- */

/* Arrays grow by doubling; what is left behind stays in the arena until its end. */
static void *room(void *array, size_t count, size_t size, struct arena *a)
{
    if (count > 0 && (count < 64 || (count & (count - 1)) != 0))
        return array;
    void *more = arena_alloc(a, count == 0 ? 64 : 2 * count, size);
    if (more != NULL && count > 0)
        memcpy(more, array, count * size);
    return more;
}

/* Codes end up in ids, which have 40 characters. */
static int check_code(const struct csv_file *c, const char *text, const char *what,
                      struct error *err)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'z') ||
              (text[i] >= 'A' && text[i] <= 'Z') || strchr(" ._~-", text[i]) != NULL))
            len = 0;
    if (len == 0 || len > 40)
        return csv_file_refuse(c, err, "%s: expected 1 to 40 letters and digits, got \"%.60s\"",
                               what, text);
    return 0;
}

static int take_country(const struct csv_file *c, char out[3], const char *text, struct error *err)
{
    if (strlen(text) != 2 || text[0] < 'A' || text[0] > 'Z' || text[1] < 'A' || text[1] > 'Z')
        return csv_file_refuse(c, err, "country: expected two capital letters, got \"%.40s\"",
                               text);
    out[0] = (char)(text[0] | 0x20);
    out[1] = (char)(text[1] | 0x20);
    out[2] = '\0';
    return 0;
}

static int read_products(struct shop *shop, const char *path, struct arena *a, struct error *err)
{
    struct csv_file c;
    const char *field[3];
    int status = csv_file_open(&c, path, "stock_code,description,price_pence", a, err);
    while (status == 0 && (status = csv_file_next(&c, field, err)) == 1) {
        struct shop_product p = {.code = field[0], .description = field[1], .price_pence = -1};
        shop->products = room(shop->products, shop->product_count, sizeof p, a);
        if (shop->products == NULL)
            return error_memory(err);
        if (p.description[strspn(p.description, " ")] == '\0')
            p.description = p.code; /* some have none, and an item wants one */
        if (strlen(p.description) > 1000)
            return csv_file_refuse(&c, err, "description: longer than 1000 bytes");
        if (check_code(&c, p.code, "stock_code", err) != 0 ||
            (field[2][0] != '\0' &&
             csv_file_i64(&c, &p.price_pence, field[2], 0, 1000000000, err) != 0))
            return -1;
        shop->products[shop->product_count++] = p;
        status = 0;
    }
    return status;
}

static int read_customers(struct shop *shop, const char *path, struct arena *a, struct error *err)
{
    struct csv_file c;
    const char *field[3];
    int status = csv_file_open(&c, path, "customer_id,country,orders", a, err);
    while (status == 0 && (status = csv_file_next(&c, field, err)) == 1) {
        struct shop_customer customer = {.id = field[0]};
        shop->customers = room(shop->customers, shop->customer_count, sizeof customer, a);
        if (shop->customers == NULL)
            return error_memory(err);
        if (check_code(&c, customer.id, "customer_id", err) != 0 ||
            take_country(&c, customer.country, field[1], err) != 0)
            return -1;
        shop->customers[shop->customer_count++] = customer;
        status = 0;
    }
    return status;
}

int shop_read_goods(struct shop *shop, const char *dir, struct arena *a, struct error *err)
{
    const char *products = arena_format(a, "%s/products.csv", dir);
    const char *customers = arena_format(a, "%s/customers.csv", dir);
    if (products == NULL || customers == NULL)
        return error_memory(err);
    return read_products(shop, products, a, err) != 0 ||
                   read_customers(shop, customers, a, err) != 0
               ? -1
               : 0;
}

/* "2010-12-01 08:45" as minutes. Days as in the civil calendar (Howard Hinnant's days_from_civil,
 * for years from 2000 on). */
static int take_time(const struct csv_file *c, int64_t *out, const char *text, struct error *err)
{
    int year, month, day, hour, minute, end = 0;
    if (sscanf(text, "%4d-%2d-%2d %2d:%2d%n", &year, &month, &day, &hour, &minute, &end) != 5 ||
        text[end] != '\0' || year < 2000 || month < 1 || month > 12 || day < 1 || day > 31 ||
        hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return csv_file_refuse(c, err, "expected a time as 2010-12-01 08:45, got \"%.40s\"", text);
    int64_t y = year - 2000 - (month <= 2);
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t leaps = y >= 0 ? y / 4 - y / 100 + y / 400 : -1;
    *out = ((y * 365 + leaps + day_of_year) * 24 + hour) * 60 + minute;
    return 0;
}

/* "22728*24;POST*3", cut in place. */
static int take_lines(const struct csv_file *c, struct shop_order *order, const char *field,
                      struct arena *a, struct error *err)
{
    size_t count = 1;
    char *at = arena_string(a, field, strlen(field));
    for (const char *f = field; *f != '\0'; f++)
        count += *f == ';';
    if (count > LINES_MAX)
        return csv_file_refuse(c, err, "%zu lines; an order has at most %d", count, LINES_MAX);
    order->lines = arena_alloc(a, count, sizeof order->lines[0]);
    if (at == NULL || order->lines == NULL)
        return error_memory(err);
    for (; order->line_count < count; order->line_count++) {
        struct shop_line *line = &order->lines[order->line_count];
        char *end = at + strcspn(at, ";"), *star = memchr(at, '*', (size_t)(end - at));
        if (star == NULL)
            return csv_file_refuse(c, err, "line %zu: expected code*quantity",
                                   order->line_count + 1);
        *star = *end = '\0';
        line->code = at;
        if (check_code(c, at, "a line's code", err) != 0 ||
            csv_file_i64(c, &line->quantity, star + 1, 1, LINE_QUANTITY_MAX, err) != 0)
            return -1;
        at = end + 1;
    }
    return 0;
}

int shop_read_orders(struct shop *shop, const char *path, struct arena *a, struct error *err)
{
    struct csv_file c;
    const char *field[5];
    int status = csv_file_open(&c, path, "invoice,datetime_uk,country,customer_id,lines", a, err);
    while (status == 0 && (status = csv_file_next(&c, field, err)) == 1) {
        struct shop_order order = {.invoice = field[0], .customer = field[3]};
        shop->orders = room(shop->orders, shop->order_count, sizeof order, a);
        if (shop->orders == NULL)
            return error_memory(err);
        if (check_code(&c, order.invoice, "invoice", err) != 0 ||
            take_time(&c, &order.at_min, field[1], err) != 0 ||
            take_country(&c, order.country, field[2], err) != 0 ||
            check_code(&c, order.customer, "customer_id", err) != 0 ||
            take_lines(&c, &order, field[4], a, err) != 0)
            return -1;
        if (shop->order_count > 0 && order.at_min < shop->orders[shop->order_count - 1].at_min)
            return csv_file_refuse(&c, err, "the orders are not sorted by time");
        shop->orders[shop->order_count++] = order;
        status = 0;
    }
    return status;
}

static bool has_files(const char *dir, struct arena *a)
{
    const char *path = arena_format(a, "%s/products.csv", dir);
    return path != NULL && access(path, R_OK) == 0;
}

const char *shop_folder(const char *dir, struct arena *a, struct error *err)
{
    const char *found = dir == NULL ? files_example("data", a) : dir;
    if (has_files(found, a))
        return found;
    error_set(err, ERR_MISSING, "there is no products.csv in %s (--data DIR tells where it is)",
              found);
    return NULL;
}

/* ---- what is sent ---- */

static void put(struct shop_post *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct shop_post *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(p->body + p->len, sizeof p->body - p->len, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < sizeof p->body - p->len); /* the bounds of reading see to it */
    p->len += (size_t)n;
}

/* A text of a CSV file, which has no quotes and no control characters. */
static void put_text(struct shop_post *p, const char *text)
{
    put(p, "\"");
    for (; *text != '\0'; text++)
        put(p, *text == '\\' ? "\\\\" : "%c", *text);
    put(p, "\"");
}

/* A code as it is in an id and in a key, where a space cannot be. */
static void put_id(struct shop_post *p, const char *country, char kind, const char *code)
{
    put(p, "\"%s-%c-", country, kind);
    for (; *code != '\0'; code++)
        put(p, "%c", *code == ' ' ? '_' : *code);
    put(p, "\"");
}

static void begin(struct shop_post *p, const char *country, const char *what, const char *key,
                  const char *code)
{
    p->len = 0;
    snprintf(p->target, sizeof p->target, "/%s/%s", country, what);
    snprintf(p->key, sizeof p->key, "%s%s", key, code);
    for (char *c = p->key; *c != '\0'; c++)
        if (*c == ' ')
            *c = '_';
}

void shop_post_vendor(struct shop_post *p, const char *country)
{
    begin(p, country, "vendors", "fill-", vendor_code);
    put(p, "{\"name\":\"The shop\",\"code\":\"%s\"}", vendor_code);
}

void shop_post_customer(struct shop_post *p, const struct shop_customer *customer)
{
    begin(p, customer->country, "customers", "fill-", customer->id);
    put(p, "{\"name\":\"Customer %s\",\"code\":\"%s\"}", customer->id, customer->id);
}

void shop_post_item(struct shop_post *p, const char *country, const struct shop_product *product)
{
    begin(p, country, "items", "fill-", product->code);
    put(p, "{\"description\":");
    put_text(p, product->description);
    if (product->price_pence >= 0)
        put(p, ",\"price_pence\":%lld", (long long)product->price_pence);
    put(p, ",\"stock\":%d,\"code\":\"%s\",\"vendor\":", SHOP_STOCK, product->code);
    put_id(p, country, 'v', vendor_code);
    put(p, "}");
}

void shop_post_order(struct shop_post *p, const struct shop_order *order)
{
    begin(p, order->country, "orders", "", order->invoice);
    put(p, "{\"customer\":");
    put_id(p, order->country, 'c', order->customer);
    put(p, ",\"lines\":");
    for (size_t i = 0; i < order->line_count; i++) {
        put(p, i == 0 ? "[{\"item\":" : ",{\"item\":");
        put_id(p, order->country, 'i', order->lines[i].code);
        put(p, ",\"quantity\":%lld}", (long long)order->lines[i].quantity);
    }
    put(p, "]}");
}
