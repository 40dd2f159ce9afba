#include "commands/noun_print.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "commands/lists.h"
#include "commands/table.h"

static const char *what_of(const struct list_row *r)
{
    return r->name != NULL ? r->name : r->description != NULL ? r->description : r->state;
}

static void print_row(const struct list_row *r)
{
    const struct {
        const char *name, *text;
    } texts[] = {{"id", r->id},         {"name", r->name},         {"description", r->description},
                 {"vendor", r->vendor}, {"customer", r->customer}, {"state", r->state}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].text != NULL)
            printf("%-12s %s\n", texts[i].name, texts[i].text);
    if (r->description != NULL)
        printf("%-12s %lld.%02lld\n", "price", (long long)r->price_pence / 100,
               (long long)r->price_pence % 100);
    if (r->stock >= 0)
        printf("%-12s %s\n", "stock", table_count(r->stock));
    for (size_t i = 0; i < r->line_count; i++)
        printf("%-12s %s x %lld\n", "line", r->lines[i].item, (long long)r->lines[i].quantity);
}

/* What a door answers for many countries. */
struct pages {
    struct list_page *page;
    size_t page_count;
    struct missing *missing;
    size_t missing_count;
    bool partial;
};

struct missing {
    const char *country, *why;
};

static const struct json_field missing_fields[] = {
    JSON_STR(struct missing, country, "country", .doc = "Of which nothing came"),
    JSON_STR(struct missing, why, "why", .doc = "Why"),
    JSON_END,
};

static const struct json_field pages_fields[] = {
    JSON_MAP(struct pages, page, page_count, "countries", struct list_page, list_page_fields,
             .doc = "What came"),
    JSON_LIST(struct pages, missing, missing_count, "missing", struct missing, missing_fields,
              .doc = "What did not"),
    JSON_BOOL(struct pages, partial, "partial", .doc = "Whether some did not"),
    JSON_END,
};

static void put_page(struct table *t, enum id_kind kind, const struct list_page *page)
{
    for (size_t i = 0; i < page->row_count; i++) {
        const struct list_row *r = &page->rows[i];
        table_put(t, "%s", r->id);
        table_put(t, "%s", what_of(r) == NULL ? "" : what_of(r));
        if (kind == ID_ITEM) {
            table_put(t, "%lld.%02lld", (long long)r->price_pence / 100,
                      (long long)r->price_pence % 100);
            table_put(t, "%s", r->stock < 0 ? "-" : table_count(r->stock));
        } else if (kind == ID_ORDER) {
            table_put(t, "%s", r->customer == NULL ? "" : r->customer);
            table_put(t, "%zu", r->line_count);
        }
    }
}

static const char *titles_of(enum id_kind kind)
{
    return kind == ID_ITEM    ? "<ID|<DESCRIPTION|PRICE|STOCK"
           : kind == ID_ORDER ? "<ID|<STATE|<CUSTOMER|LINES"
                              : "<ID|<NAME";
}

static void print_page(enum id_kind kind, const struct list_page *page)
{
    struct table t = {0};
    table_titles(&t, titles_of(kind));
    put_page(&t, kind, page);
    table_print(&t, stdout);
    if (page->next != NULL)
        fprintf(stderr, "there are more: --after %s\n", page->next);
}

static void print_pages(enum id_kind kind, const struct pages *pages)
{
    struct table t = {0};
    table_titles(&t, titles_of(kind));
    for (size_t i = 0; i < pages->page_count; i++)
        put_page(&t, kind, &pages->page[i]);
    table_print(&t, stdout);
    for (size_t i = 0; i < pages->missing_count; i++)
        fprintf(stderr, "%s is missing: %s\n", pages->missing[i].country, pages->missing[i].why);
}

void noun_print(enum id_kind kind, enum noun_form form, const char *body, size_t len,
                struct arena *a)
{
    struct list_page page = {0};
    struct pages pages = {0};
    struct list_row row = {0};
    struct error err;
    if (form == NOUN_PAGE &&
        json_decode(&page, sizeof page, list_page_fields, body, len, NULL, 0, a, &err) == 0)
        print_page(kind, &page);
    else if (form == NOUN_PAGES &&
             json_decode(&pages, sizeof pages, pages_fields, body, len, NULL, 0, a, &err) == 0)
        print_pages(kind, &pages);
    else if (form == NOUN_ROW &&
             json_decode(&row, sizeof row, list_row_fields, body, len, NULL, 0, a, &err) == 0)
        print_row(&row);
    else
        printf("%s%s", body, len > 0 && body[len - 1] == '\n' ? "" : "\n");
}
