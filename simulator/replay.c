#include "simulator/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "control/tape.h"

enum {
    REPLICAS_MAX = 1000000, /* of all groups */
    US_MAX_BITS = 53,       /* of times and spans: about 285 years */
};
static const int64_t us_max = INT64_C(1) << US_MAX_BITS;
static const int64_t hour_us = INT64_C(3600) * 1000000;

struct played { /* a request */
    struct route_request route;
    struct route_group *group; /* NULL: this one is free */
    bool rests;                /* nothing is out: it waits for its next try */
};

struct replay {
    struct replay_result *out;
    struct arena *a;
    struct tape_record record;
    struct retry *retry;
    struct route_group *group;
    char (*name)[TAPE_NAME_MAX];
    struct played *request;
    uint32_t cells, groups, requests; /* that there are to be */
    uint32_t cells_made, groups_made;
    uint64_t replicas;
    int64_t begin_us, before_us;
    size_t at; /* the record's first byte */
};

static int no(struct error *err, const char *why)
{
    return error_set(err, ERR_RANGE, "%s", why);
}

/* ---- what the door was made of ---- */

static int play_open(struct replay *p, struct error *err)
{
    const struct tape_record *r = &p->record;
    if (p->request != NULL)
        return no(err, "it opens a second time");
    if (r->cells < 1 || r->cells > TAPE_CELLS_MAX || r->groups < 1 || r->groups > TAPE_GROUPS_MAX ||
        r->requests < 1 || r->requests > TAPE_REQUESTS_MAX)
        return no(err, "it has too many cells, groups or requests, or none");
    p->cells = r->cells;
    p->groups = r->groups;
    p->requests = r->requests;
    p->begin_us = r->now_us;
    p->retry = arena_alloc(p->a, p->cells, sizeof p->retry[0]);
    p->group = arena_alloc(p->a, p->groups, sizeof p->group[0]);
    p->name = arena_alloc(p->a, p->groups, sizeof p->name[0]);
    p->request = arena_alloc(p->a, p->requests, sizeof p->request[0]);
    if (p->retry == NULL || p->group == NULL || p->name == NULL || p->request == NULL)
        return error_memory(err);
    return 0;
}

static int play_cell(struct replay *p, struct error *err)
{
    const struct retry *r = &p->record.retry;
    if (p->cells_made == p->cells)
        return no(err, "it is one cell too many");
    if (r->earn < 0 || r->earn > us_max || r->full < 0 || r->full > us_max || r->have < 0 ||
        r->have > r->full)
        return no(err, "its retry budget is out of bounds");
    p->retry[p->cells_made++] = *r;
    return 0;
}

static bool within(double value, double least, double most)
{
    return value >= least && value <= most; /* NaN is not */
}

static bool opts_fit(const struct route_opts *o)
{
    const struct balance_opts *b = &o->balance;
    return b->eject_failures >= 1 && b->eject_us >= 0 && b->eject_us <= hour_us &&
           b->policy <= TOPO_BALANCE_SHUFFLE && b->choices <= TOPO_CHOICES_MAX &&
           b->shard <= TOPO_SHARD_MAX && within(b->panic, 0, 1) &&
           within(o->hedge.quantile, 0.5, 0.999) && within(o->hedge.budget, 0, 1e3) &&
           (within(o->breaker.k, 0, 0) || within(o->breaker.k, 1, 1e6)) &&
           o->breaker.window_us >= 8 && o->breaker.window_us <= hour_us &&
           within(o->rps, 0, 1e12) && o->timeout_us > 0 && o->timeout_us <= hour_us &&
           o->backoff_us >= 0 && o->backoff_us <= hour_us && o->tries >= 1 && o->tries <= 1000;
}

static int play_group(struct replay *p, struct error *err)
{
    const struct tape_record *r = &p->record;
    const struct tape_group *make = &r->make;
    if (p->cells_made < p->cells || p->groups_made == p->groups)
        return no(err, "it is a group before its cells, or one too many");
    if (make->cell >= p->cells || !opts_fit(&make->opts))
        return no(err, "its group is out of bounds");
    for (uint32_t i = 0; i < make->zones; i++)
        p->replicas += make->per_zone[i];
    if (p->replicas > REPLICAS_MAX)
        return no(err, "there are too many replicas");
    memcpy(p->name[p->groups_made], make->name, sizeof p->name[0]);
    if (route_init(&p->group[p->groups_made], &make->opts, make->per_zone, make->zones,
                   &p->retry[make->cell], &make->rng, r->now_us, p->a) != 0)
        return error_memory(err);
    p->groups_made++;
    return 0;
}

/* ---- what it was told ---- */

static int differ(struct replay *p, const struct route_choice *now)
{
    static const char *const acts[] = {"send", "wait", "try again", "answer", "stop"};
    const struct route_choice *then = &p->record.choice;
    const struct played *r = &p->request[p->record.request];
    char was[ROUTE_WORDS_MAX], is[ROUTE_WORDS_MAX];
    route_say(then, was);
    route_say(now, is);
    p->out->differs = true;
    snprintf(p->out->difference, REPLAY_WORDS_MAX,
             "record %lld at byte %zu, after %.6f s: %s, request %u: the tape has %s, replica %d, "
             "%lld us (%s); now it is %s, replica %d, %lld us (%s)",
             (long long)p->out->records, p->at, (double)(p->record.now_us - p->begin_us) / 1e6,
             p->name[r->group - p->group], p->record.request,
             then->act <= ROUTE_STOP ? acts[then->act] : "what there is not", (int)then->replica,
             (long long)then->wait_us, was, acts[now->act], (int)now->replica,
             (long long)now->wait_us, is);
    return 0;
}

/* Compare as bytes, and go on as the choice says. */
static int follow(struct replay *p, const struct route_choice *now, bool copy)
{
    uint8_t then_bytes[TAPE_RECORD_MAX], now_bytes[TAPE_RECORD_MAX];
    struct played *r = &p->request[p->record.request];
    struct tape_record again = p->record;
    again.choice = *now;
    size_t then_len = tape_encode(then_bytes, &p->record, p->before_us);
    size_t now_len = tape_encode(now_bytes, &again, p->before_us);
    p->out->choices++;
    if (then_len != now_len || memcmp(then_bytes, now_bytes, now_len) != 0)
        return differ(p, now);
    p->out->tries += now->act == ROUTE_SEND && !copy;
    p->out->copies += now->act == ROUTE_SEND && copy;
    p->out->retries += now->act == ROUTE_RETRY;
    p->out->given_up += now->act == ROUTE_STOP;
    r->rests = now->act == ROUTE_RETRY;
    if (now->act == ROUTE_ANSWER || now->act == ROUTE_STOP) {
        r->group = NULL;
        p->out->under_way--;
    }
    return 0;
}

static int play_begin(struct replay *p, struct error *err)
{
    const struct tape_record *record = &p->record;
    if (record->request >= p->requests || record->group >= p->groups || record->deadline_us < 0)
        return no(err, "its request, group or deadline is out of bounds");
    struct played *r = &p->request[record->request];
    if (r->group != NULL)
        return no(err, "this request is under way already");
    r->group = &p->group[record->group];
    r->route = (struct route_request){
        .key = record->key, .deadline_us = record->deadline_us, .near = BALANCE_NO_ZONE};
    p->out->requests++;
    p->out->under_way++;
    struct route_choice choice = route_begin(r->group, &r->route, record->now_us);
    return follow(p, &choice, false);
}

/* A request that is under way; NULL with `err` set. */
static struct played *request_of(struct replay *p, struct error *err)
{
    uint32_t index = p->record.request;
    if (index < p->requests && p->request[index].group != NULL)
        return &p->request[index];
    no(err, "this request is not under way");
    return NULL;
}

static int play_try(struct replay *p, struct error *err)
{
    struct played *r = request_of(p, err);
    if (r == NULL)
        return -1;
    if (!r->rests)
        return no(err, "this request does not wait for a try");
    struct route_choice choice = route_try(r->group, &r->route, p->record.now_us);
    return follow(p, &choice, false);
}

static int play_hedge(struct replay *p, struct error *err)
{
    struct played *r = request_of(p, err);
    if (r == NULL)
        return -1;
    if (r->rests || r->route.copy != BALANCE_NONE)
        return no(err, "this request is not out, or has a second copy");
    struct route_choice choice = route_hedge(r->group, &r->route, p->record.now_us);
    return follow(p, &choice, true);
}

static int play_end(struct replay *p, struct error *err)
{
    const struct tape_record *record = &p->record;
    struct played *r = request_of(p, err);
    if (r == NULL)
        return -1;
    if (record->outcome >= ROUTE_OUTCOMES || record->replica == BALANCE_NONE ||
        (record->replica != r->route.replica && record->replica != r->route.copy))
        return no(err, "this request is not out there, or cannot have ended so");
    if (record->gone)
        r->route.deadline_us = record->now_us;
    struct route_choice choice = route_end(r->group, &r->route, record->replica,
                                           (enum route_outcome)record->outcome, record->now_us);
    return follow(p, &choice, false);
}

static int play_leave(struct replay *p, struct error *err)
{
    struct played *r = request_of(p, err);
    if (r == NULL)
        return -1;
    route_leave(r->group, &r->route, p->record.now_us);
    r->group = NULL;
    p->out->under_way--;
    return 0;
}

static int play_present(struct replay *p, struct error *err)
{
    const struct tape_record *r = &p->record;
    if (r->group >= p->groups || r->replica >= p->group[r->group].balance.count)
        return no(err, "its replica is out of bounds");
    route_present(&p->group[r->group], r->replica, r->present);
    return 0;
}

static int play_close(struct replay *p, struct error *err)
{
    if (p->record.records != (uint64_t)p->out->records)
        return error_set(err, ERR_RANGE, "it counts %llu records, and there are %lld",
                         (unsigned long long)p->record.records, (long long)p->out->records);
    p->out->closed = true;
    p->out->full = p->record.full;
    return 0;
}

/* ---- all of it ---- */

static int play(struct replay *p, struct error *err)
{
    static int (*const plays[TAPE_KINDS])(struct replay *, struct error *) = {
        [TAPE_OPEN] = play_open,   [TAPE_CELL] = play_cell,   [TAPE_GROUP] = play_group,
        [TAPE_BEGIN] = play_begin, [TAPE_TRY] = play_try,     [TAPE_HEDGE] = play_hedge,
        [TAPE_END] = play_end,     [TAPE_LEAVE] = play_leave, [TAPE_PRESENT] = play_present,
        [TAPE_CLOSE] = play_close,
    };
    uint8_t kind = p->record.kind;
    if (p->record.now_us > us_max)
        return no(err, "its time is out of bounds");
    if (p->out->closed)
        return no(err, "it comes behind the end");
    if (p->request == NULL && kind != TAPE_OPEN)
        return no(err, "the first one does not open the tape");
    if (kind >= TAPE_BEGIN && kind <= TAPE_PRESENT && p->groups_made < p->groups)
        return no(err, "it comes before all groups are there");
    return plays[kind](p, err);
}

/* The first line: 0, or -1 with `err` set. */
static int check_magic(const uint8_t *bytes, size_t len, struct error *err)
{
    static const char magic[] = TAPE_MAGIC;
    size_t words = strcspn(magic, "1");
    if (len >= TAPE_MAGIC_BYTES && memcmp(bytes, magic, TAPE_MAGIC_BYTES) == 0)
        return 0;
    if (len <= words || memcmp(bytes, magic, words) != 0)
        return error_set(err, ERR_SYNTAX,
                         "byte 0: this is no tape: it does not begin with \"%.*s\"", (int)words,
                         magic);
    char version[12] = "";
    for (size_t i = 0; i < sizeof version - 1 && words + i < len; i++) {
        if (bytes[words + i] < '0' || bytes[words + i] > '9')
            break;
        version[i] = (char)bytes[words + i];
    }
    return error_set(err, ERR_CONFLICT, "byte %zu: a tape of version %s; this program plays 1",
                     words, version[0] == '\0' ? "nothing" : version);
}

int replay_tape(struct replay_result *out, const uint8_t *bytes, size_t len, struct arena *a,
                struct error *err)
{
    *out = (struct replay_result){.records = 0};
    struct replay p = {.out = out, .a = a};
    if (check_magic(bytes, len, err) != 0)
        return -1;
    size_t used = 0;
    for (p.at = TAPE_MAGIC_BYTES; p.at < len && !out->differs; p.at += used) {
        enum tape_got got =
            tape_decode(&p.record, &used, bytes + p.at, len - p.at, p.before_us, err);
        if (got == TAPE_CUT)
            break;
        if (got == TAPE_BAD || play(&p, err) != 0)
            return error_prefix(err, "record %lld at byte %zu", (long long)out->records, p.at);
        p.before_us = p.record.now_us;
        out->records += !out->differs;
    }
    if (p.groups_made < p.groups || p.request == NULL)
        return error_set(err, ERR_SYNTAX,
                         "byte %zu: the tape is cut off before it tells what the door was made of",
                         p.at);
    out->cells = p.cells;
    out->groups = p.groups;
    out->span_s = (double)(p.before_us - p.begin_us) / 1e6;
    return 0;
}
