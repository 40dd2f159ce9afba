/* fuzz_gossip.c - gossip from whoever: a sequence of messages, each with its length in two bytes
 * before it. What is accepted is written as the same bytes; and whatever it says, a member that
 * hears it stays within its bounds and goes on. As it comes it bears no seal and is refused; sealed
 * by one who has the key it comes out as it went in. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "control/gossip.h"
#include "control/gossip_seal.h"
#include "control/gossip_story.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMBERS = 40, MEMBERS_MAX = 64, ZONES = 3, STEP_US = 60000 };

static struct gossip g;
static struct gossip_out out;
static struct gossip_msg in;
static struct gossip_seal sender, receiver;
static int64_t now_us;

static const char *name(void *context, uint16_t member)
{
    (void)context;
    assert(member < MEMBERS_MAX || member == GOSSIP_NOBODY);
    return "m";
}

static void trace(void *context, const struct gossip_record *r)
{
    char text[GOSSIP_STORY_MAX];
    gossip_story(text, r, name, context);
    assert(strlen(text) < GOSSIP_STORY_MAX);
}

static void make(struct arena *a)
{
    struct gossip_opts opts = gossip_usual;
    struct rng rng;
    opts.self = 1;
    opts.zone = 1;
    opts.members_max = MEMBERS_MAX;
    opts.news_max = 8;
    opts.suspects_max = 4;
    opts.bytes_max = 200;
    opts.trace = trace;
    rng_init(&rng, 1);
    int status = gossip_init(&g, &opts, &rng, a, 0);
    assert(status == 0);
    static const uint8_t key[SIPHASH_KEY_BYTES] = "nobody knows it";
    status = gossip_seal_init(&sender, key, 1, 2, MEMBERS_MAX, 1, 7, a);
    assert(status == 0);
    status = gossip_seal_init(&receiver, key, 1, 1, MEMBERS_MAX, 1, 7, a);
    assert(status == 0);
    now_us = 0;
    for (uint16_t i = 0; i < MEMBERS; i++)
        gossip_know(&g, i, (uint8_t)(i % ZONES), 0);
}

/* What is sent is well formed, fits, and goes to somebody. */
static void check(void)
{
    static struct gossip_msg back;
    uint8_t bytes[GOSSIP_BYTES_MAX];
    struct error err;
    uint16_t live = 0;
    assert(out.count <= GOSSIP_OUT_MAX);
    for (size_t i = 0; i < out.count; i++) {
        const struct gossip_letter *l = &out.letter[i];
        assert(l->to < MEMBERS_MAX && l->to != 1);
        size_t len = gossip_encode(bytes, &l->msg);
        assert(len <= 200);
        int status = gossip_decode(&back, bytes, len, &err);
        assert(status == 0);
    }
    for (uint16_t i = 0; i < MEMBERS_MAX; i++)
        live += gossip_state_of(&g, i) <= GOSSIP_SUSPECT;
    assert(live == gossip_live(&g) && gossip_state_of(&g, 1) == GOSSIP_ALIVE);
    assert(g.suspicion_count <= 4 && g.table.news_count <= 8);
    assert(gossip_deadline_us(&g) < now_us + 100 * g.opts.period_us);
}

static void wake(void)
{
    for (int i = 0; i < 3 && gossip_deadline_us(&g) <= now_us; i++) {
        gossip_step(&g, now_us, NULL, &out);
        check();
    }
}

static void check_seal(const uint8_t *bytes, size_t len)
{
    static struct gossip_msg out_again;
    uint8_t sealed[GOSSIP_SEALED_MAX];
    size_t sealed_len = gossip_seal_put(&sender, sealed, 1, &in);
    assert(sealed_len == GOSSIP_SEAL_BYTES + len &&
           memcmp(sealed + GOSSIP_SEAL_BYTES, bytes, len) == 0);
    enum gossip_refusal refusal = gossip_seal_take(&receiver, sealed, sealed_len, &out_again);
    assert(refusal == GOSSIP_TAKEN || refusal == GOSSIP_NO_ONE || refusal == GOSSIP_AGAIN);
    assert(refusal != GOSSIP_TAKEN || out_again.count == in.count);
}

static void take(const uint8_t *data, size_t len)
{
    uint8_t again[GOSSIP_BYTES_MAX];
    uint8_t *bytes = malloc(len); /* of its exact size: reading on is seen */
    struct error err = {0};
    assert(bytes != NULL || len == 0);
    if (len > 0)
        memcpy(bytes, data, len);
    enum gossip_refusal refusal = gossip_seal_take(&receiver, bytes, len, &in);
    assert(refusal != GOSSIP_TAKEN);
    if (gossip_decode(&in, bytes, len, &err) == 0) {
        size_t written = gossip_encode(again, &in);
        assert(written == len && memcmp(again, bytes, len) == 0);
        check_seal(bytes, len);
        gossip_step(&g, now_us, &in, &out);
        check();
    } else {
        assert(err.code != ERR_NONE && err.text[0] != '\0');
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    make(&a);
    while (size >= 2) {
        size_t len = (size_t)data[0] << 8 | data[1];
        data += 2;
        size -= 2;
        len = len < size ? len : size;
        take(data, len);
        data += len;
        size -= len;
        now_us += STEP_US;
        wake();
    }
    arena_release(&a);
    return 0;
}
