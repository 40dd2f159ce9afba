/* Tests of control/gossip_seal.c: what is taken, and each reason not to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/gossip_seal.h"

enum { MEMBERS = 6, EACH = 3, CELL = 7, LIFE = 1000 };

static const uint8_t key[SIPHASH_KEY_BYTES] = "a shared secret";
static const uint8_t other_key[SIPHASH_KEY_BYTES] = "another's secre";

static struct arena arena;

static struct gossip_seal seal(const uint8_t *with, uint32_t cell, uint16_t self, uint64_t life)
{
    struct gossip_seal s;
    assert_int_equal(gossip_seal_init(&s, with, cell, self, MEMBERS, EACH, life, &arena), 0);
    return s;
}

static struct gossip_msg ping(uint16_t from, uint16_t to)
{
    return (struct gossip_msg){
        .kind = GOSSIP_PING, .zone = (uint8_t)(from / EACH), .from = from, .about = to, .seq = 5};
}

/* What the member 1 makes of a ping that `s` puts. */
static enum gossip_refusal said(struct gossip_seal *s, const struct gossip_msg *m, uint16_t to)
{
    struct gossip_seal one = seal(key, CELL, 1, LIFE);
    struct gossip_msg in;
    uint8_t bytes[GOSSIP_SEALED_MAX];
    size_t len = gossip_seal_put(s, bytes, to, m);
    enum gossip_refusal refusal = gossip_seal_take(&one, bytes, len, &in);
    assert_int_equal(one.count[refusal], 1);
    assert_int_equal(gossip_seal_refused(&one), refusal != GOSSIP_TAKEN);
    if (refusal == GOSSIP_TAKEN)
        assert_true(in.from == m->from && in.about == m->about && in.seq == m->seq);
    return refusal;
}

static void test_gossip_seal_refuses_whom_it_must(void **state)
{
    (void)state;
    struct gossip_seal good = seal(key, CELL, 4, LIFE), thief = seal(other_key, CELL, 4, LIFE),
                       abroad = seal(key, CELL + 1, 4, LIFE);
    struct gossip_msg m = ping(4, 1), self = ping(1, 1), moved = ping(4, 1), nobody = ping(4, 1);
    moved.zone = 0;
    nobody.from = MEMBERS;
    nobody.zone = MEMBERS / EACH;
    assert_int_equal(said(&good, &m, 1), GOSSIP_TAKEN);
    assert_int_equal(said(&good, &m, 2), GOSSIP_ASTRAY);
    assert_int_equal(said(&thief, &m, 1), GOSSIP_FORGED);
    assert_int_equal(said(&abroad, &m, 1), GOSSIP_CELL);
    assert_int_equal(said(&good, &self, 1), GOSSIP_NO_ONE);
    assert_int_equal(said(&good, &moved, 1), GOSSIP_NO_ONE);
    assert_int_equal(said(&good, &nobody, 1), GOSSIP_NO_ONE);
    m.kind = GOSSIP_KINDS;
    assert_int_equal(said(&good, &m, 1), GOSSIP_GARBLED);
    arena_release(&arena);
}

static void test_gossip_seal_sees_each_bit_and_each_length(void **state)
{
    (void)state;
    struct gossip_seal from = seal(key, CELL, 4, LIFE), to = seal(key, CELL, 1, LIFE);
    struct gossip_msg m = ping(4, 1), in;
    uint8_t bytes[GOSSIP_SEALED_MAX + 1] = {0};
    size_t len = gossip_seal_put(&from, bytes, 1, &m);
    for (size_t i = 0; i < 8 * len; i++) {
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        assert_int_equal(gossip_seal_take(&to, bytes, len, &in),
                         i < 32 ? GOSSIP_CELL : GOSSIP_FORGED);
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(gossip_seal_take(&to, bytes, cut, &in), GOSSIP_TAKEN);
    assert_int_equal(gossip_seal_take(&to, bytes, sizeof bytes, &in), GOSSIP_SIZE);
    assert_int_equal(gossip_seal_take(&to, bytes, len, &in), GOSSIP_TAKEN);
    arena_release(&arena);
}

static void test_gossip_seal_takes_each_message_once_in_any_order(void **state)
{
    enum { SENT = 100, WINDOW = 64 };
    (void)state;
    struct gossip_seal from = seal(key, CELL, 4, LIFE), to = seal(key, CELL, 1, LIFE);
    struct gossip_msg m = ping(4, 1), in;
    static uint8_t bytes[SENT][GOSSIP_SEALED_MAX];
    size_t len[SENT];
    for (size_t i = 0; i < SENT; i++)
        len[i] = gossip_seal_put(&from, bytes[i], 1, &m);
    assert_int_equal(gossip_seal_take(&to, bytes[SENT - 1], len[SENT - 1], &in), GOSSIP_TAKEN);
    for (size_t i = 0; i + 1 < SENT; i++) /* those too far behind count as heard */
        assert_int_equal(gossip_seal_take(&to, bytes[i], len[i], &in),
                         i + WINDOW < SENT ? GOSSIP_AGAIN : GOSSIP_TAKEN);
    for (size_t i = 0; i < SENT; i++)
        assert_int_equal(gossip_seal_take(&to, bytes[i], len[i], &in), GOSSIP_AGAIN);
    arena_release(&arena);
}

static void test_gossip_seal_knows_the_life_after_a_restart(void **state)
{
    (void)state;
    struct gossip_seal first = seal(key, CELL, 4, LIFE), second = seal(key, CELL, 4, LIFE + 1),
                       to = seal(key, CELL, 1, LIFE);
    struct gossip_msg m = ping(4, 1), in;
    uint8_t old[2][GOSSIP_SEALED_MAX], new[GOSSIP_SEALED_MAX];
    size_t len = gossip_seal_put(&first, old[0], 1, &m);
    gossip_seal_put(&first, old[1], 1, &m);
    gossip_seal_put(&second, new, 1, &m);
    assert_int_equal(gossip_seal_take(&to, old[0], len, &in), GOSSIP_TAKEN);
    assert_int_equal(gossip_seal_take(&to, new, len, &in), GOSSIP_TAKEN);
    assert_int_equal(gossip_seal_take(&to, old[1], len, &in), GOSSIP_AGAIN);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gossip_seal_refuses_whom_it_must),
        cmocka_unit_test(test_gossip_seal_sees_each_bit_and_each_length),
        cmocka_unit_test(test_gossip_seal_takes_each_message_once_in_any_order),
        cmocka_unit_test(test_gossip_seal_knows_the_life_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
