/* noun.c - customer, vendor, catalog, order: what a shop's people do, by a smart client. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/problem.h"
#include "commands/commands.h"
#include "commands/lists.h"
#include "commands/noun_print.h"
#include "commands/state.h"
#include "control/live/smart.h"
#include "region/ids.h"

enum {
    MANY_LIMIT_MAX = 100,
    TIMEOUT_US = 10000000,
    LINKS = 4,
    TARGET_MAX = 2048,
    QUANTITY_MAX = 1000000
};

struct noun_options {
    bool json, door;
    const char *dir, *key, *name, *code, *description, *vendor, *customer, *after;
    int64_t port, price, stock, limit;
    struct cli_sets lines;
};

#define TEXT(member_, name_, arg_, doc_)                                         \
    {                                                                            \
        name_, CLI_STR, offsetof(struct noun_options, member_), arg_, 0, 0, doc_ \
    }
#define NUMBER(member_, name_, low_, high_, doc_)                                      \
    {                                                                                  \
        name_, CLI_I64, offsetof(struct noun_options, member_), "N", low_, high_, doc_ \
    }
#define COMMON                                                                           \
    TEXT(after, "after", "ID", "list: go on behind this one"),                           \
        NUMBER(limit, "limit", 1, 1000, "list, search: so many at most (default 100)"),  \
        TEXT(key, "key", "KEY", "A write's Idempotency-Key: the same twice is one"),     \
        {"door",                                                                         \
         CLI_FLAG,                                                                       \
         offsetof(struct noun_options, door),                                            \
         NULL,                                                                           \
         0,                                                                              \
         0,                                                                              \
         "Go through the front door instead of straight to a replica"},                  \
        TEXT(dir, "state", "DIR", "The running system (default " STATE_DIR_DEFAULT ")"), \
        NUMBER(port, "port", 1, 65535, "A door's port, instead of --state"),             \
        {"json", CLI_FLAG, offsetof(struct noun_options, json), NULL,                    \
         0,      0,        "Print the answer as it came"},                               \
    {                                                                                    \
        .type = CLI_END                                                                  \
    }

static const struct cli_option party_options[] = {
    TEXT(name, "name", "TEXT", "add: what people call it"),
    TEXT(code, "code", "CODE", "add: what its id is made of"),
    COMMON,
};
static const struct cli_option catalog_options[] = {
    TEXT(description, "description", "TEXT", "add: what it is; searched"),
    NUMBER(price, "price", 0, 1e12, "add: of one, in pence"),
    NUMBER(stock, "stock", 0, 1e12, "add: how many there are (default: not counted)"),
    TEXT(vendor, "vendor", "ID", "add: who sells it"),
    TEXT(code, "code", "CODE", "add: what its id is made of"),
    COMMON,
};
static const struct cli_option order_options[] = {
    TEXT(customer, "customer", "ID", "place: who orders; list: of this one only"),
    {"line", CLI_SETS, offsetof(struct noun_options, lines), "ITEM=N", 0, 0,
     "place: so many of an item; several times for several"},
    COMMON,
};

/* ---- bodies ---- */

struct body { /* of any kind; what is not given is null */
    const char *name, *code, *description, *vendor, *customer;
    int64_t price_pence, stock;
    struct list_line *lines;
    size_t line_count;
};

static const struct json_field party_fields[] = {
    JSON_STR(struct body, name, "name", .doc = ""),
    JSON_STR(struct body, code, "code", .nullable = true, .doc = ""),
    JSON_END,
};
static const struct json_field item_fields[] = {
    JSON_STR(struct body, description, "description", .doc = ""),
    JSON_I64(struct body, price_pence, "price_pence", 0, 0, .doc = ""),
    JSON_I64(struct body, stock, "stock", 0, 0, .doc = ""),
    JSON_STR(struct body, vendor, "vendor", .nullable = true, .doc = ""),
    JSON_STR(struct body, code, "code", .nullable = true, .doc = ""),
    JSON_END,
};
static const struct json_field line_fields[] = {
    JSON_STR(struct list_line, item, "item", .doc = ""),
    JSON_I64(struct list_line, quantity, "quantity", 0, 0, .doc = ""),
    JSON_END,
};
static const struct json_field order_fields[] = {
    JSON_STR(struct body, customer, "customer", .doc = ""),
    JSON_LIST(struct body, lines, line_count, "lines", struct list_line, line_fields, .doc = ""),
    JSON_END,
};

/* ---- nouns and verbs ---- */

struct job;

struct noun {
    const struct cli_command *command;
    const char *plural; /* in paths */
    enum id_kind id;
    const struct json_field *body;
    size_t need;           /* offset in noun_options of the text that `add` cannot do without */
    const char *need_name; /* and its option */
};

struct verb {
    const char *name;
    const char *args; /* "COUNTRY" */
    int args_min, args_max;
    unsigned nouns; /* mask by enum id_kind */
    int (*plan)(struct job *j, char **args, int count);
};

struct job {
    const struct noun *noun;
    const struct verb *verb;
    struct noun_options o;
    struct arena arena;
    struct error err;
    char target[TARGET_MAX];
    const char *method, *body;
    struct http_reply reply; /* its body is the arena's */
};

static int take_country(struct job *j, const char *text, char country[3])
{
    if (strlen(text) != 2 || !isalpha((unsigned char)text[0]) || !isalpha((unsigned char)text[1]))
        return error_set(&j->err, ERR_SYNTAX, "expected a country of two letters, got \"%s\"",
                         text);
    country[0] = (char)(text[0] | 0x20);
    country[1] = (char)(text[1] | 0x20);
    country[2] = '\0';
    return 0;
}

static const char *const kind_words[] = {"customer", "vendor", "item", "order"};

static int take_id(struct job *j, const char *text, enum id_kind kind, struct id *id)
{
    if (id_parse(id, text) && id->kind == kind)
        return 0;
    return error_set(&j->err, ERR_SYNTAX, "expected the id of %s %s, as de-%c-..., got \"%s\"",
                     kind == ID_ITEM || kind == ID_ORDER ? "an" : "a", kind_words[kind],
                     kind_words[kind][0], text);
}

static int add_to_target(struct job *j, const char *text)
{
    size_t used = strlen(j->target);
    int n = snprintf(j->target + used, sizeof j->target - used, "%s", text);
    return n >= 0 && (size_t)n < sizeof j->target - used
               ? 0
               : error_set(&j->err, ERR_LIMIT, "so many words are too many");
}

static int add_word(struct job *j, const char *word)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *word != '\0'; word++) {
        char one[4];
        if (strchr(plain, *word) != NULL)
            snprintf(one, sizeof one, "%c", *word);
        else
            snprintf(one, sizeof one, "%%%02X", (unsigned)(unsigned char)*word);
        if (add_to_target(j, one) != 0)
            return -1;
    }
    return 0;
}

static int collection(struct job *j, const char *country_text)
{
    char country[3];
    if (take_country(j, country_text, country) != 0)
        return -1;
    snprintf(j->target, sizeof j->target, "/%s/%s", country, j->noun->plural);
    return 0;
}

/* "de-i-1=3": the option cut it in two. */
static int take_lines(struct job *j, struct body *body)
{
    const struct cli_sets *sets = &j->o.lines;
    body->line_count = sets->count;
    body->lines = arena_alloc(&j->arena, sets->count, sizeof body->lines[0]);
    if (body->lines == NULL)
        return error_memory(&j->err);
    for (size_t i = 0; i < sets->count; i++) {
        char *end;
        struct id id;
        long long quantity = strtoll(sets->set[i].value, &end, 10);
        if (take_id(j, sets->set[i].path, ID_ITEM, &id) != 0)
            return error_prefix(&j->err, "--line");
        if (*end != '\0' || end == sets->set[i].value || quantity < 1 || quantity > QUANTITY_MAX)
            return error_set(&j->err, ERR_RANGE, "--line %s: expected 1..%d, got \"%s\"",
                             sets->set[i].path, QUANTITY_MAX, sets->set[i].value);
        body->lines[i] = (struct list_line){sets->set[i].path, quantity};
    }
    return 0;
}

static int plan_add(struct job *j, char **args, int count)
{
    const struct noun_options *o = &j->o;
    struct body body = {.name = o->name,
                        .code = o->code,
                        .description = o->description,
                        .vendor = o->vendor,
                        .customer = o->customer,
                        .price_pence = o->price,
                        .stock = o->stock};
    const char *need;
    (void)count;
    memcpy(&need, (const char *)o + j->noun->need, sizeof need);
    if (need == NULL)
        return error_set(&j->err, ERR_MISSING, "--%s is missing", j->noun->need_name);
    if (j->noun->id == ID_ORDER && o->lines.count == 0)
        return error_set(&j->err, ERR_MISSING, "--line is missing: as --line de-i-85099B=2");
    if (collection(j, args[0]) != 0 || take_lines(j, &body) != 0)
        return -1;
    j->method = "POST";
    j->body = json_encode(&body, j->noun->body, &j->arena);
    return j->body == NULL ? error_memory(&j->err) : 0;
}

static int plan_read(struct job *j, char **args, int count)
{
    struct id id;
    (void)count;
    if (take_id(j, args[0], j->noun->id, &id) != 0)
        return -1;
    snprintf(j->target, sizeof j->target, "/%s/%s/%s", id.country, j->noun->plural, args[0]);
    return 0;
}

static int add_limit(struct job *j, const char *sign)
{
    char limit[32];
    snprintf(limit, sizeof limit, "%slimit=%lld", sign, (long long)j->o.limit);
    return add_to_target(j, limit);
}

static int add_id(struct job *j, const char *name, const char *text, enum id_kind kind)
{
    struct id id;
    if (text == NULL)
        return 0;
    if (take_id(j, text, kind, &id) != 0)
        return error_prefix(&j->err, "--%s", name);
    return add_to_target(j, "&") == 0 && add_to_target(j, name) == 0 &&
                   add_to_target(j, "=") == 0 && add_to_target(j, text) == 0
               ? 0
               : -1;
}

static int plan_list(struct job *j, char **args, int count)
{
    (void)count;
    if (collection(j, args[0]) != 0 || add_limit(j, "?") != 0 ||
        add_id(j, "after", j->o.after, j->noun->id) != 0)
        return -1;
    return add_id(j, "customer", j->noun->id == ID_ORDER ? j->o.customer : NULL, ID_CUSTOMER);
}

/* "all", or "gb,de": a door asks them at once. */
static bool is_many(const char *countries)
{
    return strcmp(countries, "all") == 0 || strchr(countries, ',') != NULL;
}

static int many(struct job *j, const char *countries)
{
    char country[3];
    bool all = strcmp(countries, "all") == 0;
    snprintf(j->target, sizeof j->target, "/items?%s", all ? "" : "countries=");
    for (const char *at = all ? NULL : countries; at != NULL;) {
        char one[8];
        size_t len = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", (int)(len < 7 ? len : 7), at);
        if (take_country(j, one, country) != 0 || add_to_target(j, country) != 0 ||
            add_to_target(j, at[len] == ',' ? "," : "&") != 0)
            return -1;
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    if (j->o.limit > MANY_LIMIT_MAX)
        j->o.limit = MANY_LIMIT_MAX;
    return add_to_target(j, "q=");
}

static int plan_search(struct job *j, char **args, int count)
{
    if (is_many(args[0]) ? many(j, args[0]) != 0
                         : collection(j, args[0]) != 0 || add_to_target(j, "?q=") != 0)
        return -1;
    for (int i = 1; i < count; i++)
        if ((i > 1 && add_to_target(j, "%20") != 0) || add_word(j, args[i]) != 0)
            return -1;
    return add_limit(j, "&");
}

#define OF(kind) (1u << (kind))

static const struct verb verbs[] = {
    {"add", "COUNTRY", 1, 1, OF(ID_CUSTOMER) | OF(ID_VENDOR) | OF(ID_ITEM), plan_add},
    {"place", "COUNTRY", 1, 1, OF(ID_ORDER), plan_add},
    {"read", "ID", 1, 1, ~0u, plan_read},
    {"list", "COUNTRY", 1, 1, ~0u, plan_list},
    {"search", "COUNTRY WORD...", 2, 32, OF(ID_ITEM), plan_search},
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static int take_verb(struct job *j, int args, char **argv)
{
    char known[128] = "";
    for (size_t i = 0; i < VERBS; i++) {
        if (!(verbs[i].nouns & OF(j->noun->id)))
            continue;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s %s", used == 0 ? "" : ", ", verbs[i].name,
                 verbs[i].args);
        if (strcmp(verbs[i].name, argv[1]) == 0)
            j->verb = &verbs[i];
    }
    if (j->verb == NULL || args - 1 < j->verb->args_min || args - 1 > j->verb->args_max)
        return error_set(&j->err, ERR_SYNTAX, "expected one of: %s", known);
    return j->verb->plan(j, argv + 2, args - 1);
}

/* ---- asking ---- */

static int ask(struct job *j)
{
    const struct client_request request = {.method = j->method,
                                           .target = j->target,
                                           .key = j->o.key,
                                           .body = j->body,
                                           .len = j->body == NULL ? 0 : strlen(j->body),
                                           .timeout_us = TIMEOUT_US};
    struct smart smart = {.direct = !j->o.door, .links_max = LINKS};
    struct error refused = {.code = ERR_NONE};
    struct state state;
    if (j->o.port > 0)
        smart_at(&smart, (int)j->o.port);
    else if (state_open(&state, j->o.dir, &j->arena, &j->err) == 0)
        smart_of(&smart, &state.layout);
    else
        return -1;
    int status = smart_ask(&smart, &request, &j->reply, &refused, &j->arena, &j->err);
    if (status == 0 && refused.code != ERR_NONE)
        fprintf(stderr, "bulkhead: a map is not used: %s\n", refused.text);
    return status;
}

/* ---- the end ---- */

static int report(struct job *j)
{
    const struct http_reply *r = &j->reply;
    if (r->failure != HTTP_OK) {
        fprintf(stderr, "bulkhead: no answer (%s): no replica of the map, and no door\n",
                http_failure_name(r->failure));
        return EXIT_NO;
    }
    if (r->status < 400) {
        bool page = j->verb->plan == plan_list || j->verb->plan == plan_search;
        enum noun_form form = j->o.json                               ? NOUN_AS_IT_CAME
                              : strncmp(j->target, "/items?", 7) == 0 ? NOUN_PAGES
                              : page                                  ? NOUN_PAGE
                                                                      : NOUN_ROW;
        noun_print(j->noun->id, form, r->body, r->len, &j->arena);
        return EXIT_YES;
    }
    const char *detail = problem_detail(r->body, r->len, &j->arena);
    if (j->o.json)
        fputs(r->body, stdout);
    fprintf(stderr, "bulkhead: %s (%d)\n", detail == NULL ? "it was refused" : detail, r->status);
    return EXIT_NO;
}

static int run(const struct noun *noun, int argc, char **argv)
{
    static struct job j;
    int args;
    j = (struct job){.noun = noun, .method = "GET"};
    j.o = (struct noun_options){.dir = STATE_DIR_DEFAULT, .limit = 100, .stock = -1};
    int status = cli_parse(noun->command, argc, argv, &j.o, &args);
    if (status >= 0)
        return status;
    if (take_verb(&j, args, argv) != 0)
        status = cli_misuse(noun->command, "%s", j.err.text);
    else
        status = ask(&j) != 0 ? cli_fail(j.err.text) : report(&j);
    arena_release(&j.arena);
    return status;
}

/* ---- the commands ---- */

#define NEED(member_, name_) offsetof(struct noun_options, member_), name_

static int customer_main(int argc, char **argv)
{
    static const struct noun noun = {&customer_command, "customers", ID_CUSTOMER, party_fields,
                                     NEED(name, "name")};
    return run(&noun, argc, argv);
}

static int vendor_main(int argc, char **argv)
{
    static const struct noun noun = {&vendor_command, "vendors", ID_VENDOR, party_fields,
                                     NEED(name, "name")};
    return run(&noun, argc, argv);
}

static int catalog_main(int argc, char **argv)
{
    static const struct noun noun = {&catalog_command, "items", ID_ITEM, item_fields,
                                     NEED(description, "description")};
    return run(&noun, argc, argv);
}

static int order_main(int argc, char **argv)
{
    static const struct noun noun = {&order_command, "orders", ID_ORDER, order_fields,
                                     NEED(customer, "customer")};
    return run(&noun, argc, argv);
}

#define MORE(verbs_)                                                                         \
    "  " verbs_ "\n\n"                                                                       \
    "The partition map says which replica to ask; it is kept in the state folder. When no\n" \
    "replica answers, or the map is stale, the request goes through a door. Exit status 1\n" \
    "when it was refused or nobody answered."
#define PARTY_VERBS MORE("add COUNTRY --name TEXT | read ID | list COUNTRY")

const struct cli_command customer_command = {
    "customer",  customer_main, "VERB WORD...", 1, 2, "Customers of a running system",
    PARTY_VERBS, party_options};
const struct cli_command vendor_command = {
    "vendor",    vendor_main,  "VERB WORD...", 1, 2, "Vendors of a running system",
    PARTY_VERBS, party_options};
const struct cli_command catalog_command = {
    "catalog",
    catalog_main,
    "VERB WORD...",
    1,
    33,
    "Items of a running system",
    MORE("add COUNTRY --description TEXT | read ID | list COUNTRY | search COUNTRY WORD...\n"
         "  COUNTRY of a search may be several, as gb,de, or all: a door asks them at once"),
    catalog_options};
const struct cli_command order_command = {
    "order",
    order_main,
    "VERB WORD...",
    1,
    2,
    "Orders of a running system",
    MORE("place COUNTRY --customer ID --line ITEM=N | read ID | list COUNTRY"),
    order_options};
