#include "region/live/arrival.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "region/live/handlers.h"
#include "region/live/request.h"
#include "region/live/service.h"

/* ---- routes ---- */

#define OF(service) (1u << (service))

static const struct route routes[] = {
    {"GET", "health", ROUTE_BARE, ~0u, 0, handle_health},
    {"POST", "customers", ROUTE_ALL, OF(LAYOUT_CUSTOMER), 0, handle_create},
    {"GET", "customers", ROUTE_ALL, OF(LAYOUT_CUSTOMER), PARAMETER_PAGE, handle_list},
    {"GET", "customers", ROUTE_ONE, OF(LAYOUT_CUSTOMER), 0, handle_read},
    {"POST", "vendors", ROUTE_ALL, OF(LAYOUT_VENDOR), 0, handle_create},
    {"GET", "vendors", ROUTE_ALL, OF(LAYOUT_VENDOR), PARAMETER_PAGE, handle_list},
    {"GET", "vendors", ROUTE_ONE, OF(LAYOUT_VENDOR), 0, handle_read},
    {"POST", "items", ROUTE_ALL, OF(LAYOUT_CATALOG), 0, handle_create},
    {"GET", "items", ROUTE_ALL, OF(LAYOUT_CATALOG), PARAMETER_PAGE | PARAMETER_WORDS, handle_list},
    {"GET", "items", ROUTE_ONE, OF(LAYOUT_CATALOG), 0, handle_read},
    {"POST", "reservations", ROUTE_ALL, OF(LAYOUT_CATALOG), 0, handle_reserve},
    {"POST", "orders", ROUTE_ALL, OF(LAYOUT_ORDER), 0, handle_place},
    {"GET", "orders", ROUTE_ALL, OF(LAYOUT_ORDER), PARAMETER_PAGE | PARAMETER_CUSTOMER,
     handle_list},
    {"GET", "orders", ROUTE_ONE, OF(LAYOUT_ORDER), 0, handle_read},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

static bool route_fits(const struct route *route, const struct service *s, const struct target *t)
{
    enum route_shape shape = t->country[0] == '\0' ? ROUTE_BARE
                             : t->id[0] == '\0'    ? ROUTE_ALL
                                                   : ROUTE_ONE;
    return (route->services & OF(s->type)) && route->shape == shape &&
           strcmp(route->name, t->name) == 0;
}

/* The route of a request, or NULL; `allow` then gets the methods that this path knows, "" when
 * there is no such path here. */
static const struct route *route_find(const struct service *s, const struct target *t,
                                      const char *method, char *allow, size_t size)
{
    if (strcmp(method, "HEAD") == 0) /* the server leaves the body out */
        method = "GET";
    allow[0] = '\0';
    for (size_t i = 0; i < ROUTES; i++) {
        if (!route_fits(&routes[i], s, t))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        size_t used = strlen(allow);
        snprintf(allow + used, size - used, "%s%s", used > 0 ? ", " : "",
                 strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method);
    }
    return NULL;
}

static unsigned parameters_of(const struct target *t)
{
    return (t->after[0] != '\0' ? PARAMETER_PAGE : 0u) |
           (t->customer[0] != '\0' ? PARAMETER_CUSTOMER : 0u) |
           (t->words[0] != '\0' ? PARAMETER_WORDS : 0u);
}

/* ---- what a target may name ---- */

static bool is_ours(const struct service *s, const char country[3])
{
    for (size_t i = 0; i < s->cell->country_count; i++) {
        const char *name = s->cell->countries[i];
        if ((name[0] | 0x20) == country[0] && (name[1] | 0x20) == country[1])
            return true;
    }
    return false;
}

static bool is_served(const struct service *s, const char country[3])
{
    char name[3] = {(char)(country[0] & ~0x20), (char)(country[1] & ~0x20)};
    return topo_country_at(s->topo, name) < s->topo->country_count;
}

/* Whether the ids in a target are what they must be; else `*status` and a sentence. */
static const char *check_id(const struct service *s, const struct target *t, const char *text,
                            enum id_kind kind, bool in_path, int *status)
{
    struct id id;
    bool is_id = id_parse(&id, text) && id.kind == kind;
    if (is_id && strcmp(id.country, t->country) == 0)
        return NULL;
    *status = is_id && !is_ours(s, id.country) ? 421 : in_path ? 404 : 400;
    return is_id     ? "the id is of another country"
           : in_path ? "there is nothing of this id"
                     : "a parameter is not an id of its kind";
}

static const char *check_target(const struct service *s, const struct target *t,
                                const struct route *route, int *status)
{
    const char *why = NULL;
    if (route->shape == ROUTE_BARE)
        return NULL;
    if (!is_ours(s, t->country)) {
        *status = is_served(s, t->country) ? 421 : 404;
        return *status == 421 ? "another cell serves this country" : "nobody serves this country";
    }
    if (t->id[0] != '\0')
        why = check_id(s, t, t->id, s->kind->id, true, status);
    if (why == NULL && t->after[0] != '\0')
        why = check_id(s, t, t->after, s->kind->id, false, status);
    if (why == NULL && t->customer[0] != '\0')
        why = check_id(s, t, t->customer, ID_CUSTOMER, false, status);
    return why;
}

/* ---- the whole ---- */

void arrival_handle(void *context, struct http_exchange *x)
{
    struct service *s = context;
    struct target target;
    struct error err;
    char allow[64];
    int status = 400;
    if (s->guest != NULL && strcmp(http_target(x), s->guest_opts->path) == 0) {
        s->guest_opts->take(s->guest, x);
        return;
    }
    if (s->draining) {
        request_problem(x, 503, "Retry-After", "1", "this replica ends");
        return;
    }
    if (target_parse(&target, http_target(x), &err) != 0) {
        http_problem(x, err.code == ERR_UNKNOWN ? 404 : 400, err.text);
        return;
    }
    const struct route *route = route_find(s, &target, http_method(x), allow, sizeof allow);
    if (route == NULL && allow[0] != '\0') {
        request_problem(x, 405, "Allow", allow, "this path does not know the method");
        return;
    }
    if (route == NULL) {
        http_problem(x, 404, "there is nothing at this path");
        return;
    }
    const char *why = check_target(s, &target, route, &status);
    if (why == NULL &&
        (route->parameters == 0 ? !target.plain : parameters_of(&target) & ~route->parameters))
        why = "this path does not know a parameter";
    if (why != NULL && status == 421) {
        misdirect_answer(s, x, why);
        return;
    }
    if (why != NULL) {
        http_problem(x, status, why);
        return;
    }
    if (s->guest != NULL && strcmp(route->method, "POST") == 0 && s->guest_opts->is_cut(s->guest)) {
        request_problem(x, 503, "Retry-After", "1",
                        "this replica is cut off from most zones of its cell, and takes no writes");
        return;
    }
    request_begin(s, x, route, &target);
}
