#include "commands/noun_print.h"

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

static void print_page(enum id_kind kind, const struct list_page *page)
{
    struct table t = {0};
    table_titles(&t, kind == ID_ITEM    ? "<ID|<DESCRIPTION|PRICE|STOCK"
                     : kind == ID_ORDER ? "<ID|<STATE|<CUSTOMER|LINES"
                                        : "<ID|<NAME");
    for (size_t i = 0; i < page->row_count; i++) {
        const struct list_row *r = &page->rows[i];
        table_put(&t, "%s", r->id);
        table_put(&t, "%s", what_of(r) == NULL ? "" : what_of(r));
        if (kind == ID_ITEM) {
            table_put(&t, "%lld.%02lld", (long long)r->price_pence / 100,
                      (long long)r->price_pence % 100);
            table_put(&t, "%s", r->stock < 0 ? "-" : table_count(r->stock));
        } else if (kind == ID_ORDER) {
            table_put(&t, "%s", r->customer == NULL ? "" : r->customer);
            table_put(&t, "%zu", r->line_count);
        }
    }
    table_print(&t, stdout);
    if (page->next != NULL)
        fprintf(stderr, "there are more: --after %s\n", page->next);
}

void noun_print(enum id_kind kind, enum noun_form form, const char *body, size_t len,
                struct arena *a)
{
    struct list_page page = {0};
    struct list_row row = {0};
    struct error err;
    if (form == NOUN_PAGE &&
        json_decode(&page, sizeof page, list_page_fields, body, len, NULL, 0, a, &err) == 0)
        print_page(kind, &page);
    else if (form == NOUN_ROW &&
             json_decode(&row, sizeof row, list_row_fields, body, len, NULL, 0, a, &err) == 0)
        print_row(&row);
    else
        printf("%s%s", body, len > 0 && body[len - 1] == '\n' ? "" : "\n");
}
