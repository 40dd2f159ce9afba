/* Tests of region/admission.h: what a replica takes, lets wait, drops and sheds, in every
 * discipline. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "region/admission.h"

enum { ITEMS_MAX = 64 };

static struct admission_rules rules_of(uint32_t running_max, uint32_t waiting_max, int discipline)
{
    return (struct admission_rules){
        .running_max = running_max,
        .waiting_max = waiting_max,
        .discipline = discipline,
        .codel_target = 5,
        .codel_interval = 100,
    };
}

static void test_admission_takes_its_rules_from_the_topology(void **state)
{
    (void)state;
    const struct topo_service service = {
        .concurrency = 3,
        .queue = 9,
        .discipline = TOPO_CODEL,
        .drop_late = true,
        .codel_target_us = 20,
        .codel_interval_us = 200,
    };
    struct admission_rules rules = admission_rules(&service, 1000);
    assert_int_equal(rules.running_max, 3);
    assert_int_equal(rules.waiting_max, 9);
    assert_int_equal(rules.discipline, TOPO_CODEL);
    assert_true(rules.drop_late);
    assert_int_equal(rules.codel_target, 20000);
    assert_int_equal(rules.codel_interval, 200000);
}

/* ---- orders, by hand ----
 *
 * A script of steps at times 1, 2, 3, ...: a letter arrives (a capital is background work), '.'
 * ends one that was worked on. The story says what came of it: "+x" begins, "-x" is shed, and "_" a
 * place is free. Everyone waits at most until `patience` after coming. */

struct story {
    const char *name;
    uint32_t running_max, waiting_max;
    int discipline;
    const char *steps, *told;
    int64_t patience; /* 0: drop_late is off */
};

static char letter_of(const struct admission_item *item, const struct admission_item *items)
{
    return (char)('A' + (item - items));
}

static void tell(char **at, char what, char who)
{
    *(*at)++ = what;
    *(*at)++ = who;
    **at = '\0';
}

static void play(const struct story *s)
{
    struct admission_item items['z' - 'A' + 1] = {0}, *item;
    struct admission_rules rules = rules_of(s->running_max, s->waiting_max, s->discipline);
    struct admission a;
    char told[256] = "", *at = told;
    rules.drop_late = s->patience > 0;
    admission_init(&a, &rules);
    for (int64_t now = 1; s->steps[now - 1] != '\0'; now++) {
        char step = s->steps[now - 1];
        if (step == ' ')
            continue;
        if (step == '.') {
            item = admission_finish(&a, now);
            if (item == NULL)
                *at++ = '_';
            else
                tell(&at, '+', letter_of(item, items));
        } else {
            item = &items[step - 'A'];
            item->background = step <= 'Z';
            item->deadline = now + s->patience;
            enum admission_answer answer = admission_arrive(&a, item, now);
            if (answer != ADMISSION_WAIT)
                tell(&at, answer == ADMISSION_RUN ? '+' : '-', step);
        }
        while ((item = admission_drop(&a)) != NULL)
            tell(&at, '-', letter_of(item, items));
    }
    if (strcmp(told, s->told) != 0)
        fail_msg("%s: %s, expected %s", s->name, told, s->told);
}

static void test_admission_serves_and_sheds_in_the_order_of_its_discipline(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"fifo", 1, 9, TOPO_FIFO, "abcd....", "+a+b+c+d_", 0},
        {"fifo sheds the newcomer", 1, 2, TOPO_FIFO, "abcde.f...", "+a-d-e+b+c+f_", 0},
        {"fifo knows no background", 1, 2, TOPO_FIFO, "aBcd...", "+a-d+B+c_", 0},
        {"several at once", 3, 2, TOPO_FIFO, "abcdef.....", "+a+b+c-f+d+e___", 0},
        {"no queue", 1, 0, TOPO_FIFO, "ab.c.", "+a-b_+c_", 0},
        {"lifo", 1, 9, TOPO_LIFO, "abcd.e....", "+a+d+e+c+b_", 0},
        {"lifo sheds the oldest", 1, 2, TOPO_LIFO, "abcde...", "+a-b-c+e+d_", 0},
        {"lifo without a queue", 1, 0, TOPO_LIFO, "ab.c.", "+a-b_+c_", 0},
        {"codel with short waits", 1, 2, TOPO_CODEL, "abcd...", "+a-d+b+c_", 0},
        {"users first", 1, 9, TOPO_PRIORITY, "aBCde.....", "+a+d+e+B+C_", 0},
        {"a background request is not interrupted", 1, 9, TOPO_PRIORITY, "Abc...", "+A+b+c_", 0},
        {"a user pushes out the youngest background", 1, 3, TOPO_PRIORITY, "aBCDefg....",
         "+a-D-C-B+e+f+g_", 0},
        {"users among themselves", 1, 2, TOPO_PRIORITY, "abcd...", "+a-d+b+c_", 0},
        {"background pushes nobody out", 1, 2, TOPO_PRIORITY, "aBcDE...", "+a-D-E+c+B_", 0},
        {"priority without a queue", 1, 0, TOPO_PRIORITY, "Ab.", "+A-b_", 0},
        {"late ones are dropped", 1, 9, TOPO_FIFO, "abcd  .", "+a+d-c-b", 4},
        {"a deadline is a moment too late", 1, 9, TOPO_FIFO, "ab  .", "+a_-b", 3},
        {"one tick before it is not", 1, 9, TOPO_FIFO, "ab  .", "+a+b", 4},
        {"all are late", 2, 9, TOPO_FIFO, "abcd     ..e", "+a+b_-d-c_+e", 3},
        {"late ones of both classes", 1, 9, TOPO_PRIORITY, "aBcD  .", "+a+D-B-c", 4},
        {"lifo meets the young first", 1, 9, TOPO_LIFO, "abc  ..", "+a+c_-b", 4},
    };
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++)
        play(&stories[i]);
}

static void test_admission_is_empty_after_a_death(void **state)
{
    (void)state;
    for (int discipline = TOPO_FIFO; discipline <= TOPO_PRIORITY; discipline++) {
        struct admission_rules rules = rules_of(2, 2, discipline);
        struct admission_item items[4] = {{.background = true}};
        struct admission a;
        admission_init(&a, &rules);
        for (int life = 0; life < 2; life++) {
            for (int i = 0; i < 4; i++)
                assert_int_equal(admission_arrive(&a, &items[i], 1 + i),
                                 i < 2 ? ADMISSION_RUN : ADMISSION_WAIT);
            admission_clear(&a);
            assert_int_equal(a.running, 0);
            assert_int_equal(a.waiting, 0);
        }
        assert_int_equal(admission_arrive(&a, &items[0], 9), ADMISSION_RUN);
        assert_null(admission_finish(&a, 9));
        assert_null(admission_drop(&a));
    }
}

/* ---- CoDel ---- */

struct stream { /* a line that is never empty, of one server */
    struct admission_rules rules;
    struct admission a;
    struct admission_item items[4096];
    uint32_t came;
};

/* One runs and `wait` wait since time 0. */
static void stream_begin(struct stream *s, uint32_t wait)
{
    *s = (struct stream){.rules = rules_of(1, 4000, TOPO_CODEL)};
    admission_init(&s->a, &s->rules);
    admission_arrive(&s->a, &s->items[0], 0);
    for (uint32_t i = 1; i <= wait; i++)
        admission_arrive(&s->a, &s->items[i], 0);
    s->came = wait + 1;
}

/* The first drop comes an interval after waits went above target, and the n-th after it by
 * interval / sqrt(n) later than the one before. */
static void test_admission_codel_drops_by_the_control_law(void **state)
{
    (void)state;
    enum { WAIT = 1000, TICKS = 1200, INTERVAL = 10000, TICK = 100 };
    static struct stream s;
    stream_begin(&s, WAIT);
    s.rules.codel_interval = INTERVAL;
    s.rules.codel_target = 50;
    double last_due = 0, next_due = TICK + INTERVAL; /* in reals: the times are rounded down */
    uint32_t drops = 0;
    for (int64_t now = TICK; now <= (int64_t)TICKS * TICK; now += TICK) {
        assert_int_equal(admission_arrive(&s.a, &s.items[s.came], now), ADMISSION_WAIT);
        s.came = (s.came + 1) % (sizeof s.items / sizeof s.items[0]);
        assert_non_null(admission_finish(&s.a, now));
        while (admission_drop(&s.a) != NULL) {
            drops++;
            last_due = next_due;
            next_due += INTERVAL / sqrt(drops);
        }
        assert_true(last_due - drops <= (double)now);
        assert_true(next_due > (double)now);
    }
    assert_in_range(drops, 25, 45); /* 1 + 1/sqrt(2) + ... 1/sqrt(n) is about 2 sqrt(n) - 1.5 */
}

static void test_admission_codel_never_drops_below_target_or_the_last(void **state)
{
    (void)state;
    struct admission_rules rules = rules_of(1, 9, TOPO_CODEL);
    struct admission_item items[2];
    struct admission a;
    admission_init(&a, &rules);
    admission_arrive(&a, &items[0], 0);
    for (int64_t now = 0; now < 100000; now += 1000) { /* one waits, far above target */
        admission_arrive(&a, &items[1], now);
        assert_ptr_equal(admission_finish(&a, now + 999), &items[1]);
        assert_null(admission_drop(&a));
    }
    static struct stream s; /* many wait, just below target */
    stream_begin(&s, 4);
    for (int64_t now = 1; now < 4000; now++) {
        admission_arrive(&s.a, &s.items[s.came++], now);
        assert_non_null(admission_finish(&s.a, now));
        assert_null(admission_drop(&s.a));
    }
}

/* ---- against a plain list ---- */

struct plain { /* the same in the simplest words; CoDel as RFC 8289 has it, with names of its own */
    const struct admission_rules *rules;
    struct admission_item *list[ITEMS_MAX]; /* in order of arrival */
    int64_t since[ITEMS_MAX];
    uint32_t waiting, running;
    struct admission_item *dropped[ITEMS_MAX];
    uint32_t drops;
    bool ok_to_drop, dropping;
    int64_t above_until, next_drop;
    uint32_t count, count_before;
};

static struct admission_item *plain_remove(struct plain *p, uint32_t at)
{
    struct admission_item *item = p->list[at];
    p->waiting--;
    for (uint32_t i = at; i < p->waiting; i++) {
        p->list[i] = p->list[i + 1];
        p->since[i] = p->since[i + 1];
    }
    return item;
}

static enum admission_answer plain_arrive(struct plain *p, struct admission_item *item, int64_t now)
{
    uint32_t out = p->waiting;
    if (p->running < p->rules->running_max) {
        p->running++;
        return ADMISSION_RUN;
    }
    if (p->waiting == p->rules->waiting_max) {
        if (p->rules->discipline == TOPO_LIFO && p->waiting > 0)
            out = 0;
        for (uint32_t i = 0; i < p->waiting; i++)
            if (p->rules->discipline == TOPO_PRIORITY && !item->background &&
                p->list[i]->background)
                out = i;
        if (out == p->waiting)
            return ADMISSION_SHED;
        p->dropped[p->drops++] = plain_remove(p, out);
    }
    p->list[p->waiting] = item;
    p->since[p->waiting++] = now;
    return ADMISSION_WAIT;
}

static struct admission_item *plain_pop(struct plain *p, int64_t now, int64_t *since)
{
    while (p->waiting > 0) {
        uint32_t at = p->rules->discipline == TOPO_LIFO ? p->waiting - 1 : 0;
        if (p->rules->discipline == TOPO_PRIORITY)
            while (at < p->waiting && p->list[at]->background)
                at++;
        if (at == p->waiting)
            at = 0;
        *since = p->since[at];
        struct admission_item *item = plain_remove(p, at);
        if (!p->rules->drop_late || now < item->deadline)
            return item;
        p->dropped[p->drops++] = item;
    }
    return NULL;
}

static struct admission_item *plain_dodequeue(struct plain *p, int64_t now)
{
    int64_t since = 0;
    struct admission_item *item = plain_pop(p, now, &since);
    p->ok_to_drop = false;
    if (item == NULL) {
        p->above_until = 0;
    } else if (now - since < p->rules->codel_target || p->waiting == 0) {
        p->above_until = 0;
    } else if (p->above_until == 0) {
        p->above_until = now + p->rules->codel_interval;
    } else if (now >= p->above_until) {
        p->ok_to_drop = true;
    }
    return item;
}

static int64_t plain_control_law(const struct plain *p, int64_t t, uint32_t count)
{
    return t + (int64_t)((double)p->rules->codel_interval / sqrt(count));
}

static struct admission_item *plain_codel(struct plain *p, int64_t now)
{
    struct admission_item *item = plain_dodequeue(p, now);
    if (p->dropping) {
        if (!p->ok_to_drop)
            p->dropping = false;
        while (now >= p->next_drop && p->dropping) {
            p->dropped[p->drops++] = item;
            ++p->count;
            item = plain_dodequeue(p, now);
            if (!p->ok_to_drop)
                p->dropping = false;
            else
                p->next_drop = plain_control_law(p, p->next_drop, p->count);
        }
    } else if (p->ok_to_drop) {
        p->dropped[p->drops++] = item;
        item = plain_dodequeue(p, now);
        p->dropping = true;
        uint32_t delta = p->count - p->count_before;
        p->count = 1;
        if (delta > 1 && now - p->next_drop < 16 * p->rules->codel_interval)
            p->count = delta;
        p->next_drop = plain_control_law(p, now, p->count);
        p->count_before = p->count;
    }
    return item;
}

static struct admission_item *plain_finish(struct plain *p, int64_t now)
{
    int64_t since;
    struct admission_item *item =
        p->rules->discipline == TOPO_CODEL ? plain_codel(p, now) : plain_pop(p, now, &since);
    p->running -= item == NULL;
    return item;
}

/* What was dropped is the same, the last first. */
static uint32_t assert_same_drops(struct admission *a, struct plain *p, bool *used,
                                  const struct admission_item *items)
{
    uint32_t drops = p->drops;
    for (; p->drops > 0; p->drops--) {
        struct admission_item *item = admission_drop(a);
        assert_ptr_equal(item, p->dropped[p->drops - 1]);
        used[item - items] = false;
    }
    assert_null(admission_drop(a));
    return drops;
}

/* Loads change from one spell to the next, so that lines fill, empty and stand. Returns drops. */
static uint64_t assert_like_a_list(const struct admission_rules *rules, struct rng *rng)
{
    struct admission_item items[ITEMS_MAX], *running[ITEMS_MAX], *next;
    bool used[ITEMS_MAX] = {false};
    struct plain p = {.rules = rules};
    struct admission a;
    uint64_t drops = 0;
    int64_t now = 0;
    uint32_t arrivals = 5;
    admission_init(&a, rules);
    for (int step = 0; step < 2000; step++) {
        if (step % 200 == 0)
            arrivals = 3 + rng_below(rng, 6);
        now += rng_below(rng, 5);
        if (rng_below(rng, 10) < arrivals) {
            uint32_t free = 0;
            while (used[free])
                free++;
            struct admission_item *item = &items[free];
            item->background = rng_below(rng, 2);
            item->deadline = now + 1 + rng_below(rng, 40);
            enum admission_answer answer = plain_arrive(&p, item, now);
            assert_int_equal(admission_arrive(&a, item, now), answer);
            used[free] = answer != ADMISSION_SHED;
            if (answer == ADMISSION_RUN)
                running[p.running - 1] = item;
        } else if (p.running > 0) {
            uint32_t done = rng_below(rng, p.running);
            used[running[done] - items] = false;
            running[done] = running[p.running - 1];
            next = plain_finish(&p, now);
            assert_ptr_equal(admission_finish(&a, now), next);
            if (next != NULL)
                running[p.running - 1] = next;
        }
        drops += assert_same_drops(&a, &p, used, items);
        assert_int_equal(a.running, p.running);
        assert_int_equal(a.waiting, p.waiting);
        assert_true(a.waiting == 0 || a.running == rules->running_max);
    }
    return drops;
}

static void test_admission_is_the_same_as_a_plain_list(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (int discipline = TOPO_FIFO; discipline <= TOPO_PRIORITY; discipline++)
        for (int late = 0; late < 2; late++) {
            uint64_t drops = 0;
            for (int round = 0; round < 100; round++) {
                struct admission_rules rules =
                    rules_of(1 + rng_below(&rng, 4), rng_below(&rng, 40), discipline);
                rules.drop_late = late != 0;
                rules.codel_interval = 10 + rng_below(&rng, 200);
                drops += assert_like_a_list(&rules, &rng);
            }
            assert_true((drops > 0) == (discipline != TOPO_FIFO || late != 0));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admission_takes_its_rules_from_the_topology),
        cmocka_unit_test(test_admission_serves_and_sheds_in_the_order_of_its_discipline),
        cmocka_unit_test(test_admission_is_empty_after_a_death),
        cmocka_unit_test(test_admission_codel_drops_by_the_control_law),
        cmocka_unit_test(test_admission_codel_never_drops_below_target_or_the_last),
        cmocka_unit_test(test_admission_is_the_same_as_a_plain_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
