/* shop.h - one real shop's products, customers and orders, as what a live cell takes.
 *
 * The files are products.csv, customers.csv and orders.csv of sim-configs/data; its README says
 * where they come from. A stock code and a customer's number become the codes of items and
 * customers, an invoice the key of its order, so that whatever is sent twice is there once. */
#ifndef COMMANDS_SHOP_H
#define COMMANDS_SHOP_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum {
    SHOP_STOCK = 1000000, /* of every item at the beginning */
    SHOP_TARGET_MAX = 64,
    SHOP_KEY_MAX = 64,
    SHOP_BODY_MAX = 64 << 10, /* an order of 500 lines */
};

struct shop_product {
    const char *code, *description;
    int64_t price_pence; /* -1: not known */
};

struct shop_customer {
    const char *id;
    char country[3]; /* small letters, as in paths */
};

struct shop_line {
    const char *code;
    int64_t quantity;
};

struct shop_order {
    const char *invoice, *customer;
    char country[3];
    int64_t at_min; /* since 1 January 2000, by the shop's clock */
    struct shop_line *lines;
    size_t line_count;
};

struct shop { /* everything lives in the arena */
    struct shop_product *products;
    size_t product_count;
    struct shop_customer *customers;
    size_t customer_count;
    struct shop_order *orders;
    size_t order_count;
};

/* Read DIR/products.csv and DIR/customers.csv. 0, or -1 with `err` set. */
int shop_read_goods(struct shop *shop, const char *dir, struct arena *a, struct error *err);

/* Read the orders at `path`, in their order. 0, or -1 with `err` set. */
int shop_read_orders(struct shop *shop, const char *path, struct arena *a, struct error *err);

/* Where the files are: `dir` when given, else sim-configs/data below the current folder, beside the
 * program's sources or installed with it. NULL with `err` set when they are nowhere. */
const char *shop_folder(const char *dir, struct arena *a, struct error *err);

/* ---- what is sent: target, key and body of a POST ---- */

struct shop_post {
    char target[SHOP_TARGET_MAX];
    char key[SHOP_KEY_MAX];
    char body[SHOP_BODY_MAX];
    size_t len;
};

void shop_post_vendor(struct shop_post *p, const char *country);
void shop_post_customer(struct shop_post *p, const struct shop_customer *customer);
void shop_post_item(struct shop_post *p, const char *country, const struct shop_product *product);
void shop_post_order(struct shop_post *p, const struct shop_order *order);

#endif
