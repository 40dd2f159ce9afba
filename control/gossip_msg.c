#include "control/gossip_msg.h"

#include <assert.h>

#include "base/error.h"

enum { VERSION = 1, TWO_ZONES = 0x80 };

static uint8_t *put(uint8_t *to, uint32_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;)
        *to++ = (uint8_t)(value >> (8 * i));
    return to;
}

static uint32_t take(const uint8_t **from, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | *(*from)++;
    return value;
}

size_t gossip_encode(uint8_t out[GOSSIP_BYTES_MAX], const struct gossip_msg *m)
{
    assert(m->count <= GOSSIP_UPDATES_MAX);
    uint8_t *to = out;
    to = put(to, VERSION, 1);
    to = put(to, m->kind, 1);
    to = put(to, m->from, 2);
    to = put(to, m->zone, 1);
    to = put(to, m->count, 1);
    to = put(to, m->about, 2);
    to = put(to, m->incarnation, 4);
    to = put(to, m->seq, 4);
    for (size_t i = 0; i < m->count; i++) {
        const struct gossip_update *u = &m->update[i];
        to = put(to, u->member, 2);
        to = put(to, u->state | (u->two_zones ? (uint32_t)TWO_ZONES : 0), 1);
        to = put(to, u->zone, 1);
        to = put(to, u->incarnation, 4);
        to = put(to, u->by, 2);
    }
    return (size_t)(to - out);
}

static int refuse(struct error *err, const char *what, uint32_t got)
{
    return error_set(err, ERR_RANGE, "gossip: %s out of bounds, %lu", what, (unsigned long)got);
}

/* What `about` and `seq` may be depends on the kind. */
static int check_head(const struct gossip_msg *m, struct error *err)
{
    bool is_member = m->about < GOSSIP_MEMBERS_MAX;
    bool fits;
    switch (m->kind) {
    case GOSSIP_NEWS:
        fits = m->about == GOSSIP_NOBODY && m->seq == 0;
        break;
    case GOSSIP_SYNC:
        fits = is_member && m->seq == 0;
        break;
    case GOSSIP_PAGE:
        fits = is_member && (m->seq == 0 || (m->seq > m->about && m->seq < GOSSIP_MEMBERS_MAX));
        break;
    default:
        fits = is_member;
    }
    if (m->kind >= GOSSIP_KINDS)
        return refuse(err, "kind", m->kind);
    if (m->from >= GOSSIP_MEMBERS_MAX)
        return refuse(err, "from", m->from);
    if (m->zone >= GOSSIP_ZONES_MAX)
        return refuse(err, "zone", m->zone);
    if (m->incarnation > GOSSIP_INCARNATION_MAX)
        return refuse(err, "incarnation", m->incarnation);
    return fits ? 0 : refuse(err, "about", m->about);
}

static int take_update(struct gossip_update *u, const uint8_t **from, struct error *err)
{
    u->member = (uint16_t)take(from, 2);
    uint32_t state = take(from, 1);
    u->two_zones = (state & TWO_ZONES) != 0;
    u->state = (uint8_t)(state & ~(uint32_t)TWO_ZONES);
    u->zone = (uint8_t)take(from, 1);
    u->incarnation = take(from, 4);
    u->by = (uint16_t)take(from, 2);
    if (u->member >= GOSSIP_MEMBERS_MAX)
        return refuse(err, "an update's member", u->member);
    if (u->state >= GOSSIP_UNKNOWN || (u->two_zones && u->state != GOSSIP_SUSPECT))
        return refuse(err, "an update's state", state);
    if (u->zone >= GOSSIP_ZONES_MAX)
        return refuse(err, "an update's zone", u->zone);
    if (u->incarnation > GOSSIP_INCARNATION_MAX)
        return refuse(err, "an update's incarnation", u->incarnation);
    if (u->state == GOSSIP_SUSPECT ? u->by >= GOSSIP_MEMBERS_MAX : u->by != GOSSIP_NOBODY)
        return refuse(err, "who suspects", u->by);
    return 0;
}

int gossip_decode(struct gossip_msg *m, const uint8_t *bytes, size_t len, struct error *err)
{
    if (len < GOSSIP_HEAD_BYTES || len > GOSSIP_BYTES_MAX)
        return error_set(err, ERR_SYNTAX, "gossip: expected %d..%d bytes, got %zu",
                         GOSSIP_HEAD_BYTES, GOSSIP_BYTES_MAX, len);
    const uint8_t *from = bytes;
    uint32_t version = take(&from, 1);
    if (version != VERSION)
        return error_set(err, ERR_UNKNOWN, "gossip: expected version %d, got %lu", VERSION,
                         (unsigned long)version);
    m->kind = (uint8_t)take(&from, 1);
    m->from = (uint16_t)take(&from, 2);
    m->zone = (uint8_t)take(&from, 1);
    m->count = (uint16_t)take(&from, 1);
    m->about = (uint16_t)take(&from, 2);
    m->incarnation = take(&from, 4);
    m->seq = take(&from, 4);
    if (check_head(m, err) != 0)
        return -1;
    if (len != gossip_bytes(m->count))
        return error_set(err, ERR_SYNTAX, "gossip: expected %zu bytes for %u updates, got %zu",
                         gossip_bytes(m->count), (unsigned)m->count, len);
    for (size_t i = 0; i < m->count; i++)
        if (take_update(&m->update[i], &from, err) != 0)
            return -1;
    return 0;
}
