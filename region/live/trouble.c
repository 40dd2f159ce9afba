#include "region/live/trouble.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/layout.h"
#include "region/live/request.h"
#include "wire/clock.h"
#include "wire/log.h"
#include "wire/text_file.h"

enum { LOOK_MS = 20, MARK_BYTES_MAX = 32 };

void trouble_look(struct service *s)
{
    int64_t now_us = clock_us();
    const struct leases *l = &s->network.leases.leases;
    lease_file_glance(&s->network.leases, now_us);
    if (l->count == 0 && !s->troubled)
        return;
    leases_server(l, s->topo, s->cell_index, s->zone, s->index, now_us, &s->trouble);
    store_suffer(s->store.store, s->trouble.store_slow, s->trouble.store_full);
    s->troubled = l->count > 0;
}

/* ---- a customer whose requests kill ---- */

static bool is_poison(const struct request *r)
{
    char id[ID_TEXT];
    struct error err;
    const struct lease *l = r->service->trouble.poison;
    const char *name = r->service->topo->countries[l->fault.country].name;
    const char country[3] = {(char)(name[0] | 0x20), (char)(name[1] | 0x20)};
    return id_of_code(id, country, ID_CUSTOMER, LEASE_POISON, &err) == 0 &&
           (strcmp(r->target.id, id) == 0 || strcmp(r->target.customer, id) == 0);
}

/* Until when we are away is written down for who is started in our place. */
static void die(const struct service *s)
{
    char text[MARK_BYTES_MAX];
    struct error err;
    struct text_file_stamp stamp;
    const struct lease *l = s->trouble.poison;
    int n = snprintf(text, sizeof text, "%lld\n", (long long)(clock_us() + l->fault.extra_us));
    log_line("killed by a poisonous request (fault %lld)", (long long)l->id);
    if (text_file_replace(s->poisoned, text, (size_t)n, &stamp, &err) != 0)
        log_line("%s", err.text);
    kill(getpid(), SIGKILL);
}

int trouble_wait(struct service *s, const struct layout *l, struct arena *a, struct error *err)
{
    struct error none;
    struct text_file_stamp stamp;
    const char *text;
    size_t len;
    struct lease_file *leases = &s->network.leases;
    s->poisoned = layout_replica(l, s->cell_index, s->zone, s->index, "poisoned", a);
    if (s->poisoned == NULL)
        return error_memory(err);
    if (text_file_read(&text, &len, s->poisoned, MARK_BYTES_MAX, &stamp, a, &none) != 0)
        return 0;
    int64_t until_us = strtoll(text, NULL, 10);
    for (;;) {
        int64_t now_us = clock_us();
        struct lease_server trouble;
        lease_file_look(leases);
        leases_server(&leases->leases, s->topo, s->cell_index, s->zone, s->index, now_us, &trouble);
        if (trouble.poison == NULL || now_us >= until_us)
            break;
        poll(NULL, 0, LOOK_MS);
    }
    unlink(s->poisoned);
    return 0;
}

/* ---- a request ---- */

bool trouble_spares(struct request *r)
{
    struct service *s = r->service;
    if (!s->troubled || !r->counted)
        return true;
    if (s->trouble.poison != NULL && is_poison(r))
        die(s);
    if (s->trouble.errors <= 0 || rng_f64(&s->rng) >= s->trouble.errors)
        return true;
    request_refuse(r, 500, "a fault is on: so many of the answers are errors");
    return false;
}

static int64_t way_us(struct service *s, bool back)
{
    size_t stores = s->cell->zone_count;
    return lease_file_way_us(&s->network.leases, s->cell_index, back ? stores : s->zone,
                             back ? s->zone : stores, clock_us());
}

bool trouble_is_cut(struct service *s)
{
    return way_us(s, false) == LEASE_CUT || way_us(s, true) == LEASE_CUT;
}

bool trouble_store(struct request *r, struct error *err)
{
    struct service *s = r->service;
    trouble_look(s);
    r->stored = true;
    if (s->troubled && s->trouble.store_down)
        error_set(err, ERR_SYSTEM, "a fault is on: the store is down");
    else if (!r->counted && trouble_is_cut(s)) /* who asks how we are is told */
        error_set(err, ERR_SYSTEM, "a fault is on: the store cannot be reached");
    else
        return true;
    r->stored = false;
    return false;
}

int64_t trouble_late_us(struct request *r, int64_t now_us)
{
    struct service *s = r->service;
    int64_t late_us = 0;
    if (s->troubled && r->counted && !s->topo->policy.spend && s->trouble.slow > 1)
        late_us = (int64_t)((double)(now_us - r->began_us) * (s->trouble.slow - 1));
    if (!r->stored)
        return late_us;
    int64_t there_us = way_us(s, false), back_us = way_us(s, true);
    return there_us == LEASE_CUT || back_us == LEASE_CUT ? late_us : late_us + there_us + back_us;
}
