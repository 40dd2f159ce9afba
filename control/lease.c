#include "control/lease.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/topo.h"

const char *const lease_kind_words[] = {"cell-down", "zone-down", "service-down", "server-down",
                                        NULL};

static const char *const scope_forms[] = {"CELL", "CELL/ZONE", "CELL/SERVICE", "CELL/ZONE/SERVICE"};

enum { FOR_MS_MAX = 24 * 3600 * 1000 };
static const double FOR_US_MAX = FOR_MS_MAX * 1e3;

/* ---- scopes ---- */

enum { PARTS_MAX = 3 };
struct part {
    const char *text;
    size_t len;
};

/* Cut at slashes. How many parts, PARTS_MAX + 1 for more. */
static size_t cut(struct part part[PARTS_MAX], const char *scope)
{
    size_t count = 0;
    for (;;) {
        size_t len = strcspn(scope, "/");
        if (count == PARTS_MAX)
            return PARTS_MAX + 1;
        part[count++] = (struct part){scope, len};
        if (scope[len] == '\0')
            return count;
        scope += len + 1;
    }
}

static bool same(const struct part *part, const char *name)
{
    return strlen(name) == part->len && memcmp(part->text, name, part->len) == 0;
}

static size_t zone_at(const struct topo_cell *cell, const struct part *part)
{
    size_t i = 0;
    while (i < cell->zone_count && !same(part, cell->zones[i]))
        i++;
    return i;
}

/* A live cell has one server of a service in each zone; scenarios call it "catalog-1". */
static size_t service_at(const struct topo *topo, const struct part *part)
{
    struct part bare = *part;
    if (bare.len > 2 && memcmp(bare.text + bare.len - 2, "-1", 2) == 0)
        bare.len -= 2;
    for (size_t i = 0; i < topo->service_count; i++)
        if (same(part, topo->services[i].name) || same(&bare, topo->services[i].name))
            return i;
    return topo->service_count;
}

static int no_such(struct error *err, const struct lease *l, const char *what,
                   const struct part *part)
{
    return error_set(err, ERR_UNKNOWN, "%s %s: there is no %s \"%.*s\"", lease_kind_words[l->kind],
                     l->scope, what, (int)part->len, part->text);
}

static int bind(struct lease *l, const struct topo *topo, struct error *err)
{
    bool zone = l->kind == LEASE_ZONE_DOWN || l->kind == LEASE_SERVER_DOWN;
    bool service = l->kind == LEASE_SERVICE_DOWN || l->kind == LEASE_SERVER_DOWN;
    struct part part[PARTS_MAX];
    l->cell = 0;
    l->zone = l->service = LEASE_ALL;
    if (cut(part, l->scope) != (size_t)1 + zone + service)
        return error_set(err, ERR_SYNTAX, "%s %s: expected a scope as %s",
                         lease_kind_words[l->kind], l->scope, scope_forms[l->kind]);
    while (l->cell < topo->cell_count && !same(&part[0], topo->cells[l->cell].name))
        l->cell++;
    if (l->cell == topo->cell_count)
        return no_such(err, l, "cell", &part[0]);
    const struct topo_cell *cell = &topo->cells[l->cell];
    if (zone && (l->zone = zone_at(cell, &part[1])) == cell->zone_count)
        return no_such(err, l, "zone", &part[1]);
    if (service && (l->service = service_at(topo, &part[1 + zone])) == topo->service_count)
        return no_such(err, l, "service", &part[1 + zone]);
    return 0;
}

/* ---- the file ---- */

struct file_lease {
    int64_t id, ends_ms;
    int kind;
    const char *scope;
};

struct file {
    struct file_lease *lease;
    size_t count;
    int64_t id_last;
};

static const struct json_field lease_fields[] = {
    JSON_I64(struct file_lease, id, "id", 1, 0x1p52, .required = true, .doc = "Its number"),
    JSON_WORD(struct file_lease, kind, "kind", lease_kind_words, .required = true,
              .doc = "What is broken"),
    JSON_STR(struct file_lease, scope, "scope", .required = true, .doc = "Where"),
    JSON_I64(struct file_lease, ends_ms, "ends_ms", 0, 0x1p52, .required = true,
             .doc = "When it ends, in milliseconds since 1970"),
    JSON_END,
};

static const struct json_field file_fields[] = {
    JSON_I64(struct file, id_last, "id_last", 0, 0x1p52, .preset = "0",
             .doc = "The last number given"),
    JSON_LIST(struct file, lease, count, "faults", struct file_lease, lease_fields,
              .count_max = LEASES_MAX, .doc = "Those that are on"),
    JSON_END,
};

static int set_scope(struct lease *l, const char *scope, struct error *err)
{
    size_t len = strlen(scope);
    if (len >= sizeof l->scope)
        return error_set(err, ERR_LIMIT, "the scope is too long: %zu bytes", len);
    memcpy(l->scope, scope, len + 1);
    return 0;
}

static int fill(struct leases *l, const struct file *file, const struct topo *topo,
                struct error *err)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct file_lease *from = &file->lease[i];
        struct lease *to = &l->lease[l->count++];
        *to = (struct lease){.id = from->id, .kind = from->kind, .ends_ms = from->ends_ms};
        if (set_scope(to, from->scope, err) != 0 || bind(to, topo, err) != 0)
            return -1;
        if (to->id > l->id_last)
            l->id_last = to->id;
    }
    return 0;
}

int leases_parse(struct leases *l, const char *text, size_t len, const struct topo *topo,
                 struct error *err)
{
    struct arena a = {0};
    struct file file;
    struct leases read = {.count = 0};
    int status = json_decode(&file, sizeof file, file_fields, text, len, NULL, 0, &a, err);
    if (status == 0) {
        read.id_last = file.id_last;
        status = fill(&read, &file, topo, err);
    }
    arena_release(&a);
    if (status == 0)
        *l = read;
    return status;
}

char *leases_print(const struct leases *l, struct arena *a)
{
    struct file file = {.count = l->count, .id_last = l->id_last};
    file.lease = arena_alloc(a, l->count, sizeof file.lease[0]);
    if (file.lease == NULL)
        return NULL;
    for (size_t i = 0; i < l->count; i++)
        file.lease[i] = (struct file_lease){l->lease[i].id, l->lease[i].ends_ms, l->lease[i].kind,
                                            l->lease[i].scope};
    return json_encode(&file, file_fields, a);
}

/* ---- requests ---- */

struct request {
    const char *kind; /* a string: the scenario's other faults get a better answer */
    const char *scope;
    int64_t for_us;
};

static const struct json_field request_fields[] = {
    JSON_STR(struct request, kind, "kind", .required = true, .doc = "What to break"),
    JSON_STR(struct request, scope, "scope", .required = true, .doc = "Where"),
    JSON_DURATION(struct request, for_us, "for", 1000, FOR_US_MAX, .preset = "1m",
                  .doc = "For how long; it ends then, whatever happens to who asked"),
    JSON_END,
};

static int kind_of(const char *word, struct error *err)
{
    for (int kind = 0; lease_kind_words[kind] != NULL; kind++)
        if (strcmp(word, lease_kind_words[kind]) == 0)
            return kind;
    return error_set(err, ERR_UNKNOWN,
                     "a live system has no fault \"%s\": cell-down, zone-down, service-down and "
                     "server-down can be injected",
                     word);
}

static int take(struct lease *new, const struct request *request, const struct topo *topo,
                int64_t now_ms, struct error *err)
{
    new->kind = kind_of(request->kind, err);
    if (new->kind < 0)
        return -1;
    new->ends_ms = now_ms + (request->for_us + 999) / 1000;
    if (set_scope(new, request->scope, err) != 0)
        return -1;
    return bind(new, topo, err);
}

int leases_add(struct leases *l, const char *request, size_t len, const struct topo *topo,
               int64_t now_ms, const struct lease **added, struct error *err)
{
    struct arena a = {0};
    struct request r;
    struct lease new = {.id = l->id_last + 1};
    int status = json_decode(&r, sizeof r, request_fields, request, len, NULL, 0, &a, err);
    if (status == 0)
        status = take(&new, &r, topo, now_ms, err);
    arena_release(&a);
    if (status != 0)
        return -1;
    if (l->count == LEASES_MAX)
        return error_set(err, ERR_LIMIT, "%d faults are on already: heal some", LEASES_MAX);
    l->id_last = new.id;
    l->lease[l->count] = new;
    *added = &l->lease[l->count++];
    return 0;
}

static void take_out(struct leases *l, size_t i)
{
    l->count--;
    memmove(&l->lease[i], &l->lease[i + 1], (l->count - i) * sizeof l->lease[0]);
}

size_t leases_end(struct leases *l, int64_t id, const char *scope)
{
    size_t before = l->count;
    for (size_t i = l->count; i-- > 0;)
        if ((id == 0 || l->lease[i].id == id) &&
            (scope == NULL || strcmp(l->lease[i].scope, scope) == 0))
            take_out(l, i);
    return before - l->count;
}

bool leases_expire(struct leases *l, int64_t now_ms, struct lease *over)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->lease[i].ends_ms > now_ms)
            continue;
        *over = l->lease[i];
        take_out(l, i);
        return true;
    }
    return false;
}

const struct lease *leases_hold(const struct leases *l, size_t cell, size_t zone, size_t service,
                                int64_t now_ms)
{
    const struct lease *last = NULL;
    for (size_t i = 0; i < l->count; i++) {
        const struct lease *one = &l->lease[i];
        if (one->cell == cell && (one->zone == LEASE_ALL || one->zone == zone) &&
            (one->service == LEASE_ALL || one->service == service) && one->ends_ms > now_ms &&
            (last == NULL || one->ends_ms > last->ends_ms))
            last = one;
    }
    return last;
}
