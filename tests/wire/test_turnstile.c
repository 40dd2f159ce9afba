/* Tests of wire/turnstile.c with real processes: one at a time, equal shares, and what becomes of a
 * holder that dies or freezes. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/kids.h"
#include "wire/clock.h"
#include "wire/turnstile.h"

enum { KIDS = 9 };

struct shared { /* between a test and its kids */
    atomic_bool go, stop;
    atomic_int inside;
    atomic_int clashes;
    atomic_long turns[KIDS];
    long plain; /* kept by the turnstile alone */
};

static char folder[256];
static struct shared *shared;

static int setup(void **state)
{
    (void)state;
    folder_make(folder, sizeof folder);
    shared = share(in_folder(folder, "shared"), sizeof *shared);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static struct turnstile *open_or_die(const char *path)
{
    struct turnstile *t;
    struct error err;
    if (turnstile_open(&t, path, 0, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(9);
    }
    return t;
}

static void take_or_die(struct turnstile *t)
{
    struct error err;
    if (turnstile_take(t, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(9);
    }
}

/* ---- roles ---- */

/* Go round and round until told to stop. */
static int go_round(char **args)
{
    struct turnstile *t = open_or_die(args[0]);
    shared = share(in_folder(args[0], "shared"), sizeof *shared);
    int self = args[1][0] - '0';
    kid_tell(KID_FD, "ready");
    while (!atomic_load(&shared->go))
        poll(NULL, 0, 1);
    while (!atomic_load(&shared->stop)) {
        take_or_die(t);
        if (atomic_fetch_add(&shared->inside, 1) != 0)
            atomic_fetch_add(&shared->clashes, 1);
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL); /* as if for a disk */
        shared->plain++;
        atomic_fetch_add(&shared->turns[self], 1);
        atomic_fetch_sub(&shared->inside, 1);
        turnstile_give(t);
    }
    turnstile_close(t);
    return 0;
}

/* Do as told, line by line. */
static int obey(char **args)
{
    struct turnstile *t = open_or_die(args[0]);
    char line[64];
    while (kid_hear(KID_FD, line, sizeof line)) {
        if (strcmp(line, "take") == 0) {
            int64_t start_us = clock_us();
            take_or_die(t);
            snprintf(line, sizeof line, "taken %d", (int)((clock_us() - start_us) / 1000));
        } else if (strcmp(line, "give") == 0)
            turnstile_give(t);
        else if (strcmp(line, "stop") == 0) {
            raise(SIGSTOP);
            continue;
        } else if (strcmp(line, "spin") == 0) {
            int64_t end_us = clock_us() + TURNSTILE_STUCK_US * 5 / 2;
            while (clock_us() < end_us) /* without a sign of life, and busy */
                continue;
        } else if (strcmp(line, "hang") == 0) {
            for (volatile bool forever = true; forever;)
                continue;
        } else if (strcmp(line, "work") == 0) {
            /* Slow, and alive: a second, as turns of 20 ms. */
            for (int i = 0; i < 50; i++) {
                turnstile_beat(t);
                poll(NULL, 0, 20);
            }
        } else
            snprintf(line, sizeof line, "killed %d",
                     (int)(turnstile_stats(t).killed + turnstile_stats(t).refused));
        kid_tell(KID_FD, line);
    }
    turnstile_close(t);
    return 0;
}

/* ---- what the tests ask ---- */

static void start_obedient(struct kid *k)
{
    kid_start(k, "obey", (const char *[]){folder, NULL});
    kid_tell(k->fd, "stats");
    kid_expect(k, "killed 0");
}

/* Milliseconds until the kid, told to take before, has its turn. */
static int hear_taken(struct kid *k)
{
    char line[64] = "(nothing)";
    int ms = -1;
    kid_hear(k->fd, line, sizeof line);
    if (strncmp(line, "taken ", 6) != 0)
        fail_msg("heard '%s'", line);
    ms = (int)strtol(line + 6, NULL, 10);
    return ms;
}

static void take(struct kid *k)
{
    kid_tell(k->fd, "take");
    hear_taken(k);
}

struct queued {
    int fd;
    pid_t pid;
};

static bool is_queued(void *context)
{
    struct queued *q = context;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    return fcntl(q->fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid == q->pid;
}

/* Wait until the kid is the first of the queue. */
static void expect_queued(const struct kid *k)
{
    struct queued q = {.fd = open(in_folder(folder, "turnstile"), O_RDONLY | O_CLOEXEC),
                       .pid = k->pid};
    assert_true(eventually(is_queued, &q));
    close(q.fd);
}

static void stop(struct kid *k)
{
    int status;
    kid_tell(k->fd, "stop");
    assert_int_equal(waitpid(k->pid, &status, WUNTRACED), k->pid);
    assert_true(WIFSTOPPED(status));
}

static void expect_killed(struct kid *k)
{
    int status = kid_wait(k);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* ---- tests ---- */

static bool enough(void *context)
{
    (void)context;
    long sum = 0;
    for (int i = 0; i < KIDS; i++)
        sum += atomic_load(&shared->turns[i]);
    return sum >= 9000;
}

static void test_turnstile_lets_one_in_and_gives_equal_shares(void **state)
{
    (void)state;
    struct kid kid[KIDS];
    for (int i = 0; i < KIDS; i++) {
        kid_start(&kid[i], "round",
                  (const char *[]){folder, (char[]){(char)('0' + i), '\0'}, NULL});
        kid_expect(&kid[i], "ready");
    }
    atomic_store(&shared->go, true);
    assert_true(eventually(enough, NULL));
    atomic_store(&shared->stop, true);
    for (int i = 0; i < KIDS; i++)
        assert_int_equal(kid_wait(&kid[i]), 0);

    long least = LONG_MAX, most = 0, sum = 0;
    for (int i = 0; i < KIDS; i++) {
        long n = atomic_load(&shared->turns[i]);
        least = n < least ? n : least;
        most = n > most ? n : most;
        sum += n;
    }
    print_message("shares of %ld turns: %ld to %ld\n", sum, least, most);
    assert_int_equal(atomic_load(&shared->clashes), 0);
    assert_int_equal(shared->plain, sum);
    assert_true(least * 2 >= most); /* one lock alone: 1 to 4 */
}

static void test_turnstile_is_free_when_its_holder_dies(void **state)
{
    (void)state;
    struct kid holder, other;
    start_obedient(&holder);
    start_obedient(&other);
    take(&holder);
    kid_tell(other.fd, "take");
    expect_queued(&other);
    kid_kill(&holder);
    hear_taken(&other);
    kid_tell(other.fd, "stats");
    kid_expect(&other, "killed 0");
    kid_kill(&other);
}

static void test_turnstile_kills_a_frozen_holder(void **state)
{
    (void)state;
    struct kid holder, other, third;
    start_obedient(&holder);
    start_obedient(&other);
    start_obedient(&third);
    take(&holder);
    stop(&holder);
    kid_tell(other.fd, "take");
    int ms = hear_taken(&other);
    print_message("a frozen holder is killed after %d ms\n", ms);
    assert_in_range(ms, 240, 5000);
    expect_killed(&holder);
    kid_tell(third.fd, "take");
    expect_queued(&third);
    kid_tell(other.fd, "give");
    kid_expect(&other, "give");
    hear_taken(&third);
    kid_kill(&other);
    kid_kill(&third);
}

/* It holds nothing but its place, in which the others stand behind it. */
static void test_turnstile_kills_a_frozen_head_of_the_queue(void **state)
{
    (void)state;
    struct kid holder, head, other;
    start_obedient(&holder);
    start_obedient(&head);
    start_obedient(&other);
    take(&holder);
    kid_tell(head.fd, "take");
    expect_queued(&head);
    kill(head.pid, SIGSTOP);
    int status;
    assert_int_equal(waitpid(head.pid, &status, WUNTRACED), head.pid);
    kid_tell(other.fd, "take");
    kid_tell(holder.fd, "give");
    kid_expect(&holder, "give");
    hear_taken(&other);
    expect_killed(&head);
    kid_tell(holder.fd, "stats"); /* nobody else came to harm */
    kid_expect(&holder, "killed 0");
    kid_kill(&holder);
    kid_kill(&other);
}

static void test_turnstile_spares_a_slow_holder_that_lives(void **state)
{
    (void)state;
    struct kid holder, other;
    start_obedient(&holder);
    start_obedient(&other);
    take(&holder);
    kid_tell(other.fd, "take");
    expect_queued(&other);
    kid_tell(holder.fd, "work");
    kid_expect(&holder, "work");
    kid_tell(holder.fd, "give");
    kid_expect(&holder, "give");
    assert_true(hear_taken(&other) >= 900);
    kid_kill(&holder);
    kid_kill(&other);
}

static void test_turnstile_spares_a_holder_that_lacks_a_processor_for_longer(void **state)
{
    (void)state;
    struct kid holder, other;
    start_obedient(&holder);
    start_obedient(&other);
    take(&holder);
    kid_tell(holder.fd, "spin");
    kid_tell(other.fd, "take");
    kid_expect(&holder, "spin");
    kid_tell(holder.fd, "give");
    kid_expect(&holder, "give");
    print_message("a busy holder gave after %d ms\n", hear_taken(&other));
    kid_tell(other.fd, "give");
    kid_expect(&other, "give");
    kid_tell(other.fd, "stats");
    kid_expect(&other, "killed 0");
    take(&holder); /* but not for ever */
    kid_tell(holder.fd, "hang");
    kid_tell(other.fd, "take");
    assert_true(hear_taken(&other) >= TURNSTILE_STARVED * TURNSTILE_STUCK_US / 1000 * 9 / 10);
    expect_killed(&holder);
    kid_kill(&other);
}

/* The number in the file is that of a bystander, as when a holder's was given to another. */
static void test_turnstile_spares_who_has_only_the_number(void **state)
{
    (void)state;
    struct kid holder, other, bystander;
    start_obedient(&holder);
    start_obedient(&other);
    start_obedient(&bystander);
    take(&holder);
    int fd = open(in_folder(folder, "turnstile"), O_WRONLY | O_CLOEXEC);
    int64_t pid = bystander.pid;
    assert_int_equal(pwrite(fd, &pid, sizeof pid, 16), sizeof pid);
    close(fd);
    stop(&holder);
    kid_tell(other.fd, "take");
    hear_taken(&other);
    expect_killed(&holder);
    kid_tell(bystander.fd, "stats");
    kid_expect(&bystander, "killed 0");
    kid_kill(&bystander);
    kid_kill(&other);
}

static void test_turnstile_is_watched_from_outside(void **state)
{
    (void)state;
    enum { MS = 1000 };
    struct turnstile_watch w;
    struct error err;
    assert_int_equal(turnstile_watch_init(&w, folder, 0, &err), -1);
    assert_non_null(strstr(err.text, "No such file"));
    struct kid holder;
    start_obedient(&holder);
    assert_int_equal(turnstile_watch_init(&w, folder, 0, &err), 0);
    int64_t now_us = 0;
    for (int i = 0; i < 20; i++) /* nobody holds */
        assert_int_equal(turnstile_watch_look(&w, now_us += 50 * MS), 0);

    take(&holder);
    for (int i = 0; i < 5; i++)
        assert_int_equal(turnstile_watch_look(&w, now_us += 50 * MS), 0);
    kid_tell(holder.fd, "give"); /* another turn is another holder */
    kid_expect(&holder, "give");
    take(&holder);
    stop(&holder);
    for (int i = 0; i < 2; i++)
        assert_int_equal(turnstile_watch_look(&w, now_us += 50 * MS), 0);
    assert_int_equal(turnstile_watch_look(&w, now_us += 3600000000), 0); /* the machine slept */
    assert_int_equal(turnstile_watch_look(&w, now_us += 50 * MS), 0);
    assert_int_equal(turnstile_watch_look(&w, now_us += 50 * MS), 0);
    assert_int_equal(turnstile_watch_look(&w, now_us += 50 * MS), holder.pid);
    expect_killed(&holder);
    turnstile_watch_release(&w);
}

struct look_out {
    struct turnstile_watch watch;
    pid_t killed;
};

static bool killed_from_outside(void *context)
{
    struct look_out *l = context;
    l->killed = turnstile_watch_look(&l->watch, clock_us());
    return l->killed > 0;
}

/* As in a sandbox, here because it is another user: it says so, and who stands outside does it. */
static void test_turnstile_waiter_that_may_not_kill_is_helped(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    struct kid holder, other;
    start_obedient(&holder);
    chmod(folder, 0777);
    chmod(in_folder(folder, "turnstile"), 0666);
    kid_start(&other, "nobody", (const char *[]){folder, NULL});
    kid_tell(other.fd, "stats");
    kid_expect(&other, "killed 0");
    take(&holder);
    stop(&holder);
    kid_tell(other.fd, "take");
    expect_queued(&other);
    struct look_out outside = {.killed = 0};
    struct error err;
    assert_int_equal(turnstile_watch_init(&outside.watch, folder, 600000, &err), 0);
    assert_true(eventually(killed_from_outside, &outside));
    assert_int_equal(outside.killed, holder.pid);
    turnstile_watch_release(&outside.watch);
    hear_taken(&other);
    expect_killed(&holder);
    char line[64];
    kid_tell(other.fd, "stats");
    assert_true(kid_hear(other.fd, line, sizeof line));
    assert_in_range(strtol(line + strlen("killed "), NULL, 10), 1, 100);
    kid_kill(&other);
}

static void *add(void *context)
{
    struct turnstile *t = context;
    for (int i = 0; i < 500; i++) {
        take_or_die(t);
        shared->plain++;
        turnstile_give(t);
    }
    return NULL;
}

static void test_turnstile_is_for_threads_too_and_opens_once(void **state)
{
    (void)state;
    struct turnstile *t = open_or_die(folder), *again;
    struct error err;
    assert_int_equal(turnstile_open(&again, folder, 0, &err), -1);
    assert_non_null(strstr(err.text, "already open in this process"));
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, add, t), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(shared->plain, 2000);
    assert_int_equal(turnstile_stats(t).taken, 2000);
    turnstile_close(t);
    t = open_or_die(folder);
    turnstile_close(t);
    assert_int_equal(turnstile_open(&t, "/nowhere", 0, &err), -1);
    assert_string_equal(err.text, "/nowhere/turnstile: cannot open: No such file or directory");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "nobody") == 0 && setresuid(65534, 65534, 65534) < 0)
        return 1;
    if (argc > 1)
        return strcmp(argv[1], "round") == 0 ? go_round(argv + 2) : obey(argv + 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_turnstile_lets_one_in_and_gives_equal_shares),
        TEST(test_turnstile_is_free_when_its_holder_dies),
        TEST(test_turnstile_kills_a_frozen_holder),
        TEST(test_turnstile_kills_a_frozen_head_of_the_queue),
        TEST(test_turnstile_spares_a_slow_holder_that_lives),
        TEST(test_turnstile_spares_a_holder_that_lacks_a_processor_for_longer),
        TEST(test_turnstile_spares_who_has_only_the_number),
        TEST(test_turnstile_is_watched_from_outside),
        TEST(test_turnstile_waiter_that_may_not_kill_is_helped),
        TEST(test_turnstile_is_for_threads_too_and_opens_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
