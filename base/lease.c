#include "base/lease.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/topo.h"

/* ---- one lease ---- */

/* Find what it names, and let go of the text that it was read from. */
static int bind(struct lease *l, const struct topo *topo, struct error *err)
{
    size_t len = strlen(l->fault.scope);
    if (len >= sizeof l->scope)
        return error_set(err, ERR_LIMIT, "scope: %zu bytes are too long", len);
    if (scenario_bind_live(&l->fault, topo, err) != 0)
        return -1;
    memcpy(l->scope, l->fault.scope, len + 1);
    l->fault.scope = "";
    for (size_t i = 0; l->fault.kind == FAULT_REGION_DOWN && i < topo->cell_count; i++)
        if (strcmp(topo->cells[i].region, l->scope) == 0)
            l->fault.scope = topo->cells[i].region;
    return 0;
}

/* ---- the file ---- */

struct file_lease {
    int64_t id, ends_us;
    const char *who;
    struct scenario_fault fault;
};

struct file {
    const char *boot;
    struct file_lease *lease;
    size_t count;
    int64_t id_last;
};

static const struct json_field lease_fields[] = {
    JSON_I64(struct file_lease, id, "id", 1, 0x1p52, .required = true, .doc = "Its number"),
    JSON_I64(struct file_lease, ends_us, "ends_us", 0, 0x1p52, .required = true,
             .doc = "When it ends, in microseconds since the machine started"),
    JSON_STR(struct file_lease, who, "who", .preset = "", .doc = "Who injected it"),
    JSON_OBJECT(struct file_lease, fault, "fault", scenario_fault_fields, .required = true,
                .doc = "What is broken, and where"),
    JSON_END,
};

static const struct json_field file_fields[] = {
    JSON_STR(struct file, boot, "boot", .preset = "", .doc = "The name of the machine's start"),
    JSON_I64(struct file, id_last, "id_last", 0, 0x1p52, .preset = "0",
             .doc = "The last number given"),
    JSON_LIST(struct file, lease, count, "faults", struct file_lease, lease_fields,
              .count_max = LEASES_MAX, .doc = "Those that are on"),
    JSON_END,
};

static int fill(struct leases *l, const struct file *file, const struct topo *topo,
                struct error *err)
{
    l->id_last = file->id_last;
    snprintf(l->boot, sizeof l->boot, "%s", file->boot);
    for (size_t i = 0; i < file->count; i++) {
        const struct file_lease *from = &file->lease[i];
        struct lease *to = &l->lease[l->count++];
        *to = (struct lease){.id = from->id, .fault = from->fault, .ends_us = from->ends_us};
        snprintf(to->who, sizeof to->who, "%s", from->who);
        if (bind(to, topo, err) != 0)
            return error_prefix(err, "faults[%zu].fault", i);
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
    if (status == 0)
        status = fill(&read, &file, topo, err);
    arena_release(&a);
    if (status == 0)
        *l = read;
    return status;
}

/* A bound fault has all presets filled in, also of what its kind has not: those are left out. */
static struct scenario_fault asked(const struct lease *l)
{
    struct scenario_fault f = {.kind = l->fault.kind, .scope = l->scope, .for_us = l->fault.for_us};
    scenario_fault_trim(&f, &l->fault);
    return f;
}

char *leases_print(const struct leases *l, struct arena *a)
{
    struct file file = {.boot = l->boot, .count = l->count, .id_last = l->id_last};
    file.lease = arena_alloc(a, l->count, sizeof file.lease[0]);
    if (file.lease == NULL)
        return NULL;
    for (size_t i = 0; i < l->count; i++) {
        const struct lease *from = &l->lease[i];
        file.lease[i] = (struct file_lease){from->id, from->ends_us, from->who, asked(from)};
    }
    return json_encode(&file, file_fields, a);
}

/* ---- beginning and ending ---- */

int leases_add(struct leases *l, const char *request, size_t len, const char *who,
               const struct topo *topo, int64_t now_us, const struct lease **added,
               struct error *err)
{
    struct arena a = {0};
    struct lease new = {.id = l->id_last + 1};
    int status = json_decode(&new.fault, sizeof new.fault, scenario_fault_fields, request, len,
                             NULL, 0, &a, err);
    if (status == 0)
        status = bind(&new, topo, err);
    new.fault.spread = NULL;
    arena_release(&a);
    if (status != 0)
        return -1;
    if (l->count == LEASES_MAX)
        return error_set(err, ERR_LIMIT, "%d faults are on already: heal some", LEASES_MAX);
    snprintf(new.who, sizeof new.who, "%s", who);
    new.ends_us = now_us + new.fault.for_us;
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

bool leases_expire(struct leases *l, int64_t now_us, struct lease *over)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->lease[i].ends_us > now_us)
            continue;
        *over = l->lease[i];
        take_out(l, i);
        return true;
    }
    return false;
}

/* ---- what they mean ---- */

static bool names(const struct scenario_fault *f, size_t zone, size_t service)
{
    return (f->zone == LEASE_ALL || f->zone == zone) &&
           (f->service == LEASE_ALL || f->service == service);
}

static bool kills(int kind)
{
    return kind == FAULT_ZONE_DOWN || kind == FAULT_SERVER_DOWN || kind == FAULT_SERVICE_DOWN ||
           kind == FAULT_CELL_DOWN || kind == FAULT_REGION_DOWN;
}

const struct lease *leases_hold(const struct leases *l, const struct topo *topo, size_t cell,
                                size_t zone, size_t service, int64_t now_us)
{
    const struct lease *last = NULL;
    for (size_t i = 0; i < l->count; i++) {
        const struct lease *one = &l->lease[i];
        if (kills(one->fault.kind) && one->ends_us > now_us &&
            scenario_fault_touches(&one->fault, topo, cell) && names(&one->fault, zone, service) &&
            (last == NULL || one->ends_us > last->ends_us))
            last = one;
    }
    return last;
}

const struct lease *leases_of(const struct leases *l, const struct topo *topo, int kind,
                              size_t cell, int64_t now_us)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->lease[i].fault.kind == kind && l->lease[i].ends_us > now_us &&
            scenario_fault_touches(&l->lease[i].fault, topo, cell))
            return &l->lease[i];
    return NULL;
}

static void feel(struct lease_server *out, const struct lease *l)
{
    switch (l->fault.kind) {
    case FAULT_SLOW:
        out->slow *= l->fault.factor;
        break;
    case FAULT_ERRORS:
        out->errors = 1 - (1 - out->errors) * (1 - l->fault.share);
        break;
    case FAULT_STORE_SLOW:
        out->store_slow *= l->fault.factor;
        break;
    case FAULT_STORE_DOWN:
        out->store_down = true;
        break;
    case FAULT_DISK_FULL:
        out->store_full = true;
        break;
    case FAULT_POISON:
        out->poison = l;
        break;
    default:
        break;
    }
}

void leases_server(const struct leases *l, const struct topo *topo, size_t cell, size_t zone,
                   size_t service, int64_t now_us, struct lease_server *out)
{
    *out = (struct lease_server){.slow = 1, .store_slow = 1};
    for (size_t i = 0; i < l->count; i++) {
        const struct lease *one = &l->lease[i];
        const struct scenario_fault *f = &one->fault;
        bool here = f->kind == FAULT_POISON
                        ? topo->countries[f->country].cell == cell
                        : scenario_fault_touches(f, topo, cell) && names(f, zone, service);
        if (here && one->ends_us > now_us)
            feel(out, one);
    }
}

int64_t leases_way_us(const struct leases *l, size_t cell, size_t from, size_t to, int64_t now_us)
{
    int64_t way_us = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct lease *one = &l->lease[i];
        bool cuts = one->fault.kind == FAULT_PARTITION;
        if ((!cuts && one->fault.kind != FAULT_LATENCY) || one->fault.cell != cell ||
            one->ends_us <= now_us || !scenario_fault_crosses(&one->fault, from, to))
            continue;
        if (cuts)
            return LEASE_CUT;
        way_us += one->fault.extra_us;
    }
    return way_us;
}

static bool is_of(const struct lease *l, int kind, size_t country, int64_t now_us)
{
    return l->fault.kind == kind && l->fault.country == country && l->ends_us > now_us;
}

double leases_surge(const struct leases *l, size_t country, int64_t now_us)
{
    double factor = 1;
    for (size_t i = 0; i < l->count; i++)
        if (is_of(&l->lease[i], FAULT_SURGE, country, now_us))
            factor *= l->lease[i].fault.factor;
    return factor;
}

double leases_poison(const struct leases *l, size_t country, int64_t now_us)
{
    double rps = 0;
    for (size_t i = 0; i < l->count; i++)
        if (is_of(&l->lease[i], FAULT_POISON, country, now_us))
            rps += l->lease[i].fault.factor;
    return rps;
}
