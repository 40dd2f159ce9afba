#include "control/hearsay.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/gossip_msg.h"

int hearsay_init(struct hearsay *h, const struct layout *l, size_t cell, struct arena *a)
{
    const struct topo *topo = l->topo;
    *h = (struct hearsay){.members = layout_members(l, cell), .each = topo->service_count + 1};
    h->name = arena_alloc(a, h->members, sizeof h->name[0]);
    h->state = arena_alloc(a, h->members, sizeof h->state[0]);
    h->list = arena_alloc(a, h->members, sizeof h->list[0]);
    if (h->name == NULL || h->state == NULL || h->list == NULL)
        return -1;
    for (size_t i = 0; i < h->members; i++) {
        size_t service = i % h->each;
        h->state[i] = GOSSIP_UNKNOWN;
        h->name[i] =
            arena_format(a, "%s/%s", topo->cells[cell].zones[i / h->each],
                         service < topo->service_count ? topo->services[service].name : "agent");
        if (h->name[i] == NULL)
            return -1;
    }
    return 0;
}

static const struct status_member *find(const struct status_gossip *said, const char *name)
{
    for (size_t i = 0; i < said->troubled_count; i++)
        if (strcmp(said->troubled[i].name, name) == 0)
            return &said->troubled[i];
    return NULL;
}

static int most(const unsigned votes_of[GOSSIP_UNKNOWN + 1])
{
    int state = GOSSIP_UNKNOWN;
    unsigned votes = 0;
    for (int i = GOSSIP_ALIVE; i < GOSSIP_UNKNOWN; i++)
        if (votes_of[i] > 0 && votes_of[i] >= votes) {
            votes = votes_of[i];
            state = i;
        }
    return state;
}

/* What is said of member `i`. */
static struct status_member sum(const struct hearsay *h, size_t i,
                                const struct status_gossip *const *said, size_t count)
{
    unsigned votes[GOSSIP_UNKNOWN + 1] = {0};
    struct status_member now = {.name = h->name[i], .by = "", .also = ""};
    for (size_t k = 0; k < count; k++) {
        const struct status_member *t = find(said[k], h->name[i]);
        votes[t == NULL ? GOSSIP_ALIVE : t->state]++;
    }
    now.state = most(votes);
    now.views = now.state == GOSSIP_UNKNOWN ? 0 : (int64_t)votes[now.state];
    for (size_t k = 0; k < count; k++) {
        const struct status_member *t = find(said[k], h->name[i]);
        if (t == NULL || t->state != now.state)
            continue;
        now.ago_ms = t->ago_ms > now.ago_ms ? t->ago_ms : now.ago_ms;
        now.by = now.by[0] == '\0' ? t->by : now.by;
        now.also = now.also[0] == '\0' ? t->also : now.also;
    }
    return now;
}

void hearsay_sum(struct hearsay *h, const struct status_gossip *const *said, size_t count,
                 struct status_gossip *out,
                 void (*changed)(void *context, const struct status_member *now, int before),
                 void *context)
{
    *out = (struct status_gossip){.members = (int64_t)h->members, .troubled = h->list};
    for (size_t k = 0; k < count; k++)
        out->refused += said[k]->refused > 0 ? said[k]->refused : 0;
    for (size_t i = 0; i < h->members; i++) {
        struct status_member now = sum(h, i, said, count);
        int before = h->state[i];
        if (now.state == GOSSIP_UNKNOWN) /* nobody says anything of it, or has ever heard of it */
            continue;
        h->state[i] = now.state;
        out->live += now.state <= GOSSIP_SUSPECT;
        if (now.state != GOSSIP_ALIVE)
            h->list[out->troubled_count++] = now;
        if (before != now.state)
            changed(context, &now, before);
    }
}

bool hearsay_zone_is_dead(const struct hearsay *h, size_t zone)
{
    for (size_t i = 0; i < h->each; i++)
        if (h->state[zone * h->each + i] != GOSSIP_DEAD)
            return false;
    return true;
}

void hearsay_words(const struct status_member *now, int before, char out[HEARSAY_WORDS_MAX])
{
    char why[HEARSAY_WORDS_MAX / 2] = "";
    if (now->by[0] != '\0')
        snprintf(why, sizeof why, " (%s had no answer%s%s)", now->by,
                 now->also[0] == '\0' ? "" : ", nor had ", now->also);
    switch (now->state) {
    case GOSSIP_SUSPECT:
        snprintf(out, HEARSAY_WORDS_MAX, "gossip suspects %s%s", now->name, why);
        break;
    case GOSSIP_DEAD:
        snprintf(out, HEARSAY_WORDS_MAX, "gossip calls %s dead%s", now->name, why);
        break;
    case GOSSIP_LEFT:
        snprintf(out, HEARSAY_WORDS_MAX, "%s has left the gossip", now->name);
        break;
    default:
        snprintf(out, HEARSAY_WORDS_MAX, "gossip %s %s",
                 before == GOSSIP_SUSPECT ? "trusts" : "has heard again of", now->name);
    }
}
