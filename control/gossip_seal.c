#include "control/gossip_seal.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

enum { AT_CELL = 0, AT_TO = 4, AT_LIFE = 6, AT_NUMBER = 14, AT_HASH = 18, WINDOW = 64 };

const char *const gossip_refusal_words[] = {
    [GOSSIP_TAKEN] = "taken",
    [GOSSIP_SIZE] = "of no message's size",
    [GOSSIP_CELL] = "of another cell",
    [GOSSIP_FORGED] = "not sealed by our key",
    [GOSSIP_ASTRAY] = "for another member",
    [GOSSIP_GARBLED] = "not gossip",
    [GOSSIP_NO_ONE] = "from no member",
    [GOSSIP_AGAIN] = "heard before",
    [GOSSIP_REFUSALS] = NULL,
};

static void put(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;)
        *to++ = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | from[i];
    return value;
}

int gossip_seal_init(struct gossip_seal *s, const uint8_t key[SIPHASH_KEY_BYTES], uint32_t cell,
                     uint16_t self, uint16_t members, uint16_t per_zone, uint64_t life,
                     struct arena *a)
{
    assert(self < members && per_zone > 0);
    *s = (struct gossip_seal){
        .cell = cell, .self = self, .members = members, .per_zone = per_zone, .life = life};
    memcpy(s->key, key, sizeof s->key);
    s->heard = arena_alloc(a, members, sizeof s->heard[0]);
    return s->heard == NULL ? -1 : 0;
}

/* Of all but the hash itself; `sealed` has `len` bytes. */
static uint64_t hash(const struct gossip_seal *s, const uint8_t *sealed, size_t len)
{
    uint8_t text[GOSSIP_SEALED_MAX];
    memcpy(text, sealed, AT_HASH);
    memcpy(text + AT_HASH, sealed + GOSSIP_SEAL_BYTES, len - GOSSIP_SEAL_BYTES);
    return siphash(s->key, text, len - (GOSSIP_SEAL_BYTES - AT_HASH));
}

size_t gossip_seal_put(struct gossip_seal *s, uint8_t out[GOSSIP_SEALED_MAX], uint16_t to,
                       const struct gossip_msg *m)
{
    size_t len = GOSSIP_SEAL_BYTES + gossip_encode(out + GOSSIP_SEAL_BYTES, m);
    put(out + AT_CELL, s->cell, 4);
    put(out + AT_TO, to, 2);
    put(out + AT_LIFE, s->life, 8);
    put(out + AT_NUMBER, ++s->number, 4);
    put(out + AT_HASH, hash(s, out, len), 8);
    return len;
}

/* Messages may overtake each other by a few. */
static bool is_new(struct gossip_heard *h, uint64_t life, uint32_t number)
{
    if (life < h->life)
        return false;
    if (life > h->life)
        *h = (struct gossip_heard){.life = life};
    if (number > h->top) {
        uint32_t by = number - h->top;
        h->bits = by < WINDOW ? h->bits << by | 1 : 1;
        h->top = number;
        return true;
    }
    uint32_t behind = h->top - number;
    if (behind >= WINDOW || (h->bits >> behind & 1) != 0)
        return false;
    h->bits |= (uint64_t)1 << behind;
    return true;
}

static enum gossip_refusal judge(struct gossip_seal *s, const uint8_t *bytes, size_t len,
                                 struct gossip_msg *m)
{
    struct error err;
    if (len < GOSSIP_SEAL_BYTES + GOSSIP_HEAD_BYTES || len > GOSSIP_SEALED_MAX)
        return GOSSIP_SIZE;
    if (get(bytes + AT_CELL, 4) != s->cell)
        return GOSSIP_CELL;
    if (get(bytes + AT_HASH, 8) != hash(s, bytes, len))
        return GOSSIP_FORGED;
    if (get(bytes + AT_TO, 2) != s->self)
        return GOSSIP_ASTRAY;
    if (gossip_decode(m, bytes + GOSSIP_SEAL_BYTES, len - GOSSIP_SEAL_BYTES, &err) != 0)
        return GOSSIP_GARBLED;
    if (m->from >= s->members || m->from == s->self || m->zone != m->from / s->per_zone)
        return GOSSIP_NO_ONE;
    return is_new(&s->heard[m->from], get(bytes + AT_LIFE, 8), (uint32_t)get(bytes + AT_NUMBER, 4))
               ? GOSSIP_TAKEN
               : GOSSIP_AGAIN;
}

enum gossip_refusal gossip_seal_take(struct gossip_seal *s, const uint8_t *bytes, size_t len,
                                     struct gossip_msg *m)
{
    enum gossip_refusal refusal = judge(s, bytes, len, m);
    s->count[refusal]++;
    return refusal;
}

uint64_t gossip_seal_refused(const struct gossip_seal *s)
{
    uint64_t sum = 0;
    for (int i = GOSSIP_TAKEN + 1; i < GOSSIP_REFUSALS; i++)
        sum += s->count[i];
    return sum;
}
