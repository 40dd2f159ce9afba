#include "commands/lists.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/problem.h"
#include "wire/http.h"
#include "wire/load.h"

enum { PAGE_ROWS = 1000, TIMEOUT_US = 5000000, RETRIES = 3, ID_BYTES = 64 };

static const struct json_field line_fields[] = {
    JSON_STR(struct list_line, item, "item", .doc = "What"),
    JSON_I64(struct list_line, quantity, "quantity", 0, 0, .doc = "How many"),
    JSON_END,
};

const struct json_field list_row_fields[] = {
    JSON_STR(struct list_row, id, "id", .required = true, .doc = "Its name for good"),
    JSON_STR(struct list_row, name, "name", .nullable = true, .doc = "What people call it"),
    JSON_STR(struct list_row, code, "code", .nullable = true, .doc = "The body of its id"),
    JSON_STR(struct list_row, description, "description", .nullable = true, .doc = "What it is"),
    JSON_STR(struct list_row, vendor, "vendor", .nullable = true, .doc = "Who sells it"),
    JSON_I64(struct list_row, price_pence, "price_pence", 0, 0, .doc = "Of one"),
    JSON_I64(struct list_row, stock, "stock", 0, 0, .preset = "-1", .doc = "How many are left"),
    JSON_STR(struct list_row, customer, "customer", .nullable = true, .doc = "Who ordered"),
    JSON_STR(struct list_row, state, "state", .nullable = true, .doc = "How far it is"),
    JSON_LIST(struct list_row, lines, line_count, "lines", struct list_line, line_fields,
              .doc = "What was ordered"),
    JSON_I64(struct list_row, created_ms, "created_ms", 0, 0, .doc = "Milliseconds since 1970"),
    JSON_END,
};

const struct json_field list_page_fields[] = {
    JSON_LIST(struct list_page, rows, row_count, "items", struct list_row, list_row_fields,
              .required = true, .doc = "The rows"),
    JSON_STR(struct list_page, next, "next", .nullable = true, .doc = "The id to go on behind"),
    JSON_END,
};

struct fetch {
    struct list *list;
    char after[ID_BYTES];
    char target[ID_BYTES + 64];
    bool more;
    bool failed;
    struct error err;
};

static bool next_page(void *context, struct load_request *out)
{
    struct fetch *f = context;
    if (!f->more)
        return false;
    snprintf(f->target, sizeof f->target, "/%s/%s?limit=%d%s%s", f->list->country, f->list->what,
             PAGE_ROWS, f->after[0] == '\0' ? "" : "&after=", f->after);
    *out = (struct load_request){.method = "GET", .target = f->target};
    return true;
}

static int fail(struct fetch *f, const char *sentence)
{
    f->failed = true;
    f->more = false;
    return error_set(&f->err, ERR_SYSTEM, "%s %s: %s", f->list->country, f->list->what, sentence);
}

static void refuse(struct fetch *f, enum load_outcome outcome, const struct http_reply *reply)
{
    struct arena a = {0};
    char text[300];
    if (reply == NULL || reply->failure != HTTP_OK) {
        fail(f, outcome == LOAD_CUT       ? "stopped"
                : outcome == LOAD_REFUSED ? "nobody listens at the door"
                                          : load_outcome_words[outcome]);
        return;
    }
    const char *detail = problem_detail(reply->body, reply->len, &a);
    snprintf(text, sizeof text, "the door answers %d%s%.200s", reply->status,
             detail == NULL ? "" : ": ", detail == NULL ? "" : detail);
    fail(f, text);
    arena_release(&a);
}

static void take_page(struct fetch *f, const struct http_reply *reply)
{
    struct arena a = {0};
    struct list_page page;
    struct error err;
    if (json_decode(&page, sizeof page, list_page_fields, reply->body, reply->len, NULL, 0, &a,
                    &err) != 0) {
        fail(f, err.text);
        arena_release(&a);
        return;
    }
    struct list *list = f->list;
    for (size_t i = 0; i < page.row_count; i++) {
        if (list->count_max > 0 && list->count == list->count_max)
            break;
        list->take(list->context, &page.rows[i]);
        list->count++;
    }
    size_t len = page.next == NULL ? 0 : strlen(page.next);
    f->more = len > 0 && len < sizeof f->after && page.row_count > 0 &&
              (list->count_max == 0 || list->count < list->count_max);
    if (f->more)
        memcpy(f->after, page.next, len + 1);
    arena_release(&a);
}

static void page_done(void *context, const struct load_request *r, enum load_outcome outcome,
                      const struct http_reply *reply)
{
    struct fetch *f = context;
    (void)r;
    f->more = false;
    if (outcome == LOAD_OK)
        take_page(f, reply);
    else
        refuse(f, outcome, reply);
}

int lists_fetch(struct list *lists, size_t count, int port, const volatile sig_atomic_t *stop,
                struct arena *a, struct error *err)
{
    struct fetch *fetches = arena_alloc(a, count, sizeof fetches[0]);
    struct load_stream *streams = arena_alloc(a, count, sizeof streams[0]);
    struct load_result *results = arena_alloc(a, count, sizeof results[0]);
    if (fetches == NULL || streams == NULL || results == NULL)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        lists[i].count = 0;
        fetches[i] = (struct fetch){.list = &lists[i], .more = true};
        streams[i] = (struct load_stream){
            .port = port,
            .pace = LOAD_CLOSED,
            .for_us = INT64_MAX,
            .in_flight_max = 1,
            .timeout_us = TIMEOUT_US,
            .retries = RETRIES,
            .groups = 1,
            .next = next_page,
            .done = page_done,
            .context = &fetches[i],
        };
    }
    const struct load_opts opts = {.stop = stop};
    if (load_run(results, streams, count, &opts, a, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (fetches[i].failed) {
            *err = fetches[i].err;
            return -1;
        }
    return stop != NULL && *stop ? error_set(err, ERR_SYSTEM, "stopped") : 0;
}
