#include "commands/fill.h"

#include <assert.h>
#include <string.h>

/* What country `c` gets as its next: the vendor first, whom the items name, then customers, then
 * items. False when it has all. */
static bool next_of(struct fill *f, size_t c)
{
    const struct shop *shop = f->shop;
    for (;;) {
        size_t at = f->at[c]++;
        if (at == 0) {
            shop_post_vendor(&f->post, f->country[c]);
            return true;
        }
        at--;
        if (at >= shop->customer_count + shop->product_count)
            break;
        if (at >= shop->customer_count) {
            shop_post_item(&f->post, f->country[c], &shop->products[at - shop->customer_count]);
            return true;
        }
        if (strcmp(shop->customers[at].country, f->country[c]) == 0) {
            shop_post_customer(&f->post, &shop->customers[at]);
            return true;
        }
    }
    f->at[c]--;
    return false;
}

static bool next(void *context, struct load_request *out)
{
    struct fill *f = context;
    for (size_t i = 0; i < f->country_count; i++) {
        size_t c = f->turn;
        f->turn = (f->turn + 1) % f->country_count;
        if (!next_of(f, c))
            continue;
        *out = (struct load_request){
            .method = "POST",
            .target = f->post.target,
            .key = f->post.key,
            .body = f->post.body,
            .len = f->post.len,
            .group = (uint32_t)c,
        };
        return true;
    }
    return false;
}

void fill_plan(struct fill *f, struct load_stream *stream, const struct shop *shop,
               char (*country)[3], size_t country_count, int port)
{
    assert(country_count > 0 && country_count <= FILL_COUNTRIES_MAX);
    *f = (struct fill){.shop = shop, .country = country, .country_count = country_count};
    *stream = (struct load_stream){
        .port = port,
        .pace = LOAD_CLOSED,
        .for_us = INT64_MAX,
        .in_flight_max = (uint32_t)(FILL_IN_FLIGHT * country_count),
        .timeout_us = FILL_TIMEOUT_US,
        .retries = FILL_RETRIES,
        .groups = country_count,
        .next = next,
        .context = f,
    };
}
