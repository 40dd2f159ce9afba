#include "control/tape.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

/* ---- what is in a record ---- */

enum type { BOOL, U16, U32, U64, I64, F64, TEXT, ZONES, RNG };

struct field {
    unsigned kinds; /* which have it */
    enum type type;
    size_t offset;
    const char *name;
};

#define ON(kind) (1u << (kind))
#define CALLS    (ON(TAPE_BEGIN) | ON(TAPE_TRY) | ON(TAPE_HEDGE) | ON(TAPE_END))
#define OF(kinds_, type_, member_)                                                           \
    {                                                                                        \
        .kinds = (kinds_), .type = (type_), .offset = offsetof(struct tape_record, member_), \
        .name = #member_                                                                     \
    }

static const struct field fields[] = {
    OF(ON(TAPE_OPEN), U32, cells),
    OF(ON(TAPE_OPEN), U32, groups),
    OF(ON(TAPE_OPEN), U32, requests),
    OF(ON(TAPE_CELL), I64, retry.earn),
    OF(ON(TAPE_CELL), I64, retry.have),
    OF(ON(TAPE_CELL), I64, retry.full),
    OF(ON(TAPE_GROUP), TEXT, make.name),
    OF(ON(TAPE_GROUP), U32, make.cell),
    OF(ON(TAPE_GROUP), U32, make.opts.balance.eject_failures),
    OF(ON(TAPE_GROUP), I64, make.opts.balance.eject_us),
    OF(ON(TAPE_GROUP), U32, make.opts.balance.policy),
    OF(ON(TAPE_GROUP), U32, make.opts.balance.choices),
    OF(ON(TAPE_GROUP), U32, make.opts.balance.shard),
    OF(ON(TAPE_GROUP), U32, make.opts.balance.spill),
    OF(ON(TAPE_GROUP), F64, make.opts.balance.panic),
    OF(ON(TAPE_GROUP), F64, make.opts.hedge.quantile),
    OF(ON(TAPE_GROUP), F64, make.opts.hedge.budget),
    OF(ON(TAPE_GROUP), F64, make.opts.breaker.k),
    OF(ON(TAPE_GROUP), I64, make.opts.breaker.window_us),
    OF(ON(TAPE_GROUP), F64, make.opts.rps),
    OF(ON(TAPE_GROUP), I64, make.opts.timeout_us),
    OF(ON(TAPE_GROUP), I64, make.opts.backoff_us),
    OF(ON(TAPE_GROUP), U32, make.opts.tries),
    OF(ON(TAPE_GROUP), ZONES, make.zones),
    OF(ON(TAPE_GROUP), RNG, make.rng),
    OF(CALLS | ON(TAPE_LEAVE), U32, request),
    OF(ON(TAPE_BEGIN) | ON(TAPE_PRESENT), U32, group),
    OF(ON(TAPE_BEGIN), U64, key),
    OF(ON(TAPE_BEGIN), I64, deadline_us),
    OF(ON(TAPE_END) | ON(TAPE_PRESENT), U32, replica),
    OF(ON(TAPE_END), U32, outcome),
    OF(ON(TAPE_END), BOOL, gone),
    OF(ON(TAPE_PRESENT), BOOL, present),
    OF(CALLS, U16, choice.act),
    OF(CALLS, U16, choice.rule),
    OF(CALLS, U16, choice.avoid),
    OF(CALLS, U16, choice.away),
    OF(CALLS, U32, choice.replica),
    OF(CALLS, I64, choice.wait_us),
    OF(CALLS, I64, choice.hedge_us),
    OF(CALLS, I64, choice.measured),
    OF(CALLS, I64, choice.limit),
    OF(ON(TAPE_CLOSE), U64, records),
    OF(ON(TAPE_CLOSE), BOOL, full),
};
enum { FIELDS = sizeof fields / sizeof fields[0], CHECK_BYTES = 4, CONTENT_MAX = 255 };

static_assert(TAPE_KINDS <= 32, "a mask of kinds");
static_assert(1 + CONTENT_MAX + CHECK_BYTES == TAPE_RECORD_MAX, "one record");

/* FNV-1a: it finds what a disk or a hand has changed, not who wants to deceive. */
static uint32_t check_of(const uint8_t *bytes, size_t len)
{
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * 16777619u;
    return sum;
}

/* ---- writing ---- */

static size_t put(uint8_t *out, uint64_t value)
{
    size_t n = 0;
    for (; value > 127; value >>= 7)
        out[n++] = (uint8_t)(value | 128);
    out[n++] = (uint8_t)value;
    return n;
}

/* Small numbers of either sign are short, and so is the highest, which stands for never. */
static uint64_t folded(int64_t value)
{
    return (((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0)) + 2;
}

static int64_t unfolded(uint64_t value)
{
    value -= 2;
    return (int64_t)((value >> 1) ^ ((value & 1) != 0 ? UINT64_MAX : 0));
}

static size_t put_bits(uint8_t *out, uint64_t bits)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(bits >> (8 * i));
    return 8;
}

static size_t put_text(uint8_t *out, const char *text)
{
    size_t len = strnlen(text, TAPE_NAME_MAX - 1);
    out[0] = (uint8_t)len;
    memcpy(out + 1, text, len);
    return 1 + len;
}

static size_t put_zones(uint8_t *out, const struct tape_group *g)
{
    size_t n = put(out, g->zones);
    for (uint32_t i = 0; i < g->zones; i++)
        n += put(out + n, g->per_zone[i]);
    return n;
}

static size_t put_rng(uint8_t *out, const struct rng *rng)
{
    size_t n = 0;
    for (size_t i = 0; i < 4; i++)
        n += put_bits(out + n, rng->s[i]);
    return n;
}

static size_t put_field(uint8_t *out, const struct tape_record *r, const struct field *f)
{
    const char *at = (const char *)r + f->offset;
    uint64_t bits;
    switch (f->type) {
    case BOOL:
        return put(out, *(const bool *)at);
    case U16: /* 65535 stands for none */
        return put(out, (uint16_t)(*(const uint16_t *)(const void *)at + 1));
    case U32: /* and so does the highest */
        return put(out, *(const uint32_t *)(const void *)at + 1);
    case U64:
        return put(out, *(const uint64_t *)(const void *)at);
    case I64:
        return put(out, folded(*(const int64_t *)(const void *)at));
    case F64:
        memcpy(&bits, at, sizeof bits);
        return put_bits(out, bits);
    case TEXT:
        return put_text(out, at);
    case ZONES:
        return put_zones(out, &r->make);
    case RNG:
        return put_rng(out, &r->make.rng);
    }
    return 0;
}

size_t tape_encode(uint8_t out[TAPE_RECORD_MAX], const struct tape_record *r, int64_t before_us)
{
    size_t n = 1;
    assert(r->kind < TAPE_KINDS && r->now_us >= before_us);
    out[n++] = r->kind;
    n += put(out + n, (uint64_t)(r->now_us - before_us));
    for (size_t i = 0; i < FIELDS; i++)
        if ((fields[i].kinds & ON(r->kind)) != 0)
            n += put_field(out + n, r, &fields[i]);
    assert(n - 1 <= CONTENT_MAX);
    out[0] = (uint8_t)(n - 1);
    uint32_t check = check_of(out, n);
    for (size_t i = 0; i < CHECK_BYTES; i++)
        out[n++] = (uint8_t)(check >> (8 * i));
    return n;
}

/* ---- reading ---- */

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

/* In its shortest spelling, and not above `most`. */
static uint64_t take(struct reader *in, uint64_t most)
{
    uint64_t value = 0;
    for (unsigned shift = 0; in->at < in->end && shift < 64; shift += 7) {
        uint8_t byte = *in->at++;
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            in->bad = in->bad || value > most;
            return value;
        }
    }
    in->bad = true;
    return 0;
}

static uint64_t take_bits(struct reader *in)
{
    uint64_t bits = 0;
    if (in->end - in->at < 8) {
        in->bad = true;
        return 0;
    }
    for (size_t i = 0; i < 8; i++)
        bits |= (uint64_t)*in->at++ << (8 * i);
    return bits;
}

/* Visible ASCII, as it will be printed. */
static void take_text(struct reader *in, char out[TAPE_NAME_MAX])
{
    uint64_t len = take(in, TAPE_NAME_MAX - 1);
    if (in->bad || len > (uint64_t)(in->end - in->at)) {
        in->bad = true;
        return;
    }
    for (uint64_t i = 0; i < len; i++) {
        in->bad = in->bad || in->at[i] <= ' ' || in->at[i] > '~';
        out[i] = (char)in->at[i];
    }
    out[len] = '\0';
    in->at += len;
}

static void take_zones(struct reader *in, struct tape_group *g)
{
    g->zones = (uint32_t)take(in, TOPO_ZONES_MAX);
    for (uint32_t i = 0; i < g->zones && !in->bad; i++)
        g->per_zone[i] = (uint32_t)take(in, UINT16_MAX);
}

static void take_field(struct reader *in, struct tape_record *r, const struct field *f)
{
    char *at = (char *)r + f->offset;
    uint64_t bits;
    switch (f->type) {
    case BOOL:
        *(bool *)at = take(in, 1) == 1;
        break;
    case U16:
        *(uint16_t *)(void *)at = (uint16_t)(take(in, UINT16_MAX) - 1);
        break;
    case U32:
        *(uint32_t *)(void *)at = (uint32_t)take(in, UINT32_MAX) - 1;
        break;
    case U64:
        *(uint64_t *)(void *)at = take(in, UINT64_MAX);
        break;
    case I64:
        *(int64_t *)(void *)at = unfolded(take(in, UINT64_MAX));
        break;
    case F64:
        bits = take_bits(in);
        memcpy(at, &bits, sizeof bits);
        break;
    case TEXT:
        take_text(in, at);
        break;
    case ZONES:
        take_zones(in, &r->make);
        break;
    case RNG:
        for (size_t i = 0; i < 4; i++)
            r->make.rng.s[i] = take_bits(in);
        break;
    }
}

static int take_record(struct tape_record *r, struct reader *in, int64_t before_us,
                       struct error *err)
{
    *r = (struct tape_record){.kind = *in->at++};
    if (r->kind >= TAPE_KINDS)
        return error_set(err, ERR_SYNTAX, "there is no kind %d of records", r->kind);
    uint64_t later_us = take(in, (uint64_t)(INT64_MAX - before_us));
    if (in->bad)
        return error_set(err, ERR_SYNTAX, "its time is not a number, or too late");
    r->now_us = before_us + (int64_t)later_us;
    for (size_t i = 0; i < FIELDS; i++) {
        if ((fields[i].kinds & ON(r->kind)) == 0)
            continue;
        take_field(in, r, &fields[i]);
        if (in->bad)
            return error_set(err, ERR_SYNTAX, "its %s cannot be read", fields[i].name);
    }
    if (in->at != in->end)
        return error_set(err, ERR_SYNTAX, "it is longer than what is in it");
    return 0;
}

enum tape_got tape_decode(struct tape_record *r, size_t *used, const uint8_t *in, size_t len,
                          int64_t before_us, struct error *err)
{
    assert(before_us >= 0);
    if (len == 0)
        return TAPE_CUT;
    size_t content = in[0], whole = 1 + content + CHECK_BYTES;
    if (content < 2) {
        error_set(err, ERR_SYNTAX, "a record has 2 bytes or more, this one %zu", content);
        return TAPE_BAD;
    }
    if (len < whole)
        return TAPE_CUT;
    uint32_t check = check_of(in, 1 + content);
    for (size_t i = 0; i < CHECK_BYTES; i++)
        if (in[1 + content + i] != (uint8_t)(check >> (8 * i))) {
            error_set(err, ERR_SYNTAX, "its bytes are not those that were written");
            return TAPE_BAD;
        }
    struct reader reader = {.at = in + 1, .end = in + 1 + content};
    *used = whole;
    return take_record(r, &reader, before_us, err) == 0 ? TAPE_WHOLE : TAPE_BAD;
}
