#include "control/live/member.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/fence.h"
#include "control/gossip.h"
#include "control/gossip_seal.h"
#include "control/gossip_story.h"
#include "control/gossip_view.h"
#include "control/pace.h"
#include "control/status.h"
#include "wire/clock.h"
#include "wire/http.h"
#include "wire/log.h"
#include "wire/network.h"

enum {
    PARTING_MS = 200,
    TIMEOUT_US_MIN = 1000000,
    KEEP_US_MIN = 30000000,
    KEEP_US_MAX = 240000000, /* less than MEMBER_IDLE_US */
    JOIN_PERIODS = 4,        /* without an answer before others are asked */
    MEMBER_NAME_MAX = 96,
};

struct peer {
    struct member *member;
    uint16_t number;
    struct http_client *client; /* NULL: nothing has been said to it yet */
};

struct member {
    const struct layout *layout;
    size_t cell;
    uint16_t self;
    struct arena arena;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct gossip gossip;
    struct gossip_out out;
    struct gossip_msg in;
    struct gossip_seal seal;
    struct gossip_view view;
    struct network network;
    struct peer *peer; /* [members] */
    struct fence fence;
    unsigned calls;  /* under way */
    int64_t join_us; /* to ask others then, INT64_MAX: we have joined */
    struct rng rng;  /* of whom to ask */
    bool held, ending;
};

/* ---- names ---- */

/* "a/catalog", "b/agent" */
static const char *name_of(const struct member *m, uint16_t member, char out[MEMBER_NAME_MAX])
{
    const struct topo *topo = m->layout->topo;
    size_t each = topo->service_count + 1, service = member % each;
    if (member >= m->view.members)
        return "";
    snprintf(out, MEMBER_NAME_MAX, "%s/%s", topo->cells[m->cell].zones[member / each],
             service < topo->service_count ? topo->services[service].name : "agent");
    return out;
}

struct naming {
    const struct member *member;
    char text[4][MEMBER_NAME_MAX];
    unsigned turn;
};

static const char *name(void *context, uint16_t member)
{
    struct naming *n = context;
    return name_of(n->member, member, n->text[n->turn++ % 4]);
}

/* Its log tells the story. That it waited for an answer is told when none came. */
static void on_record(void *context, const struct gossip_record *r)
{
    struct member *m = context;
    struct naming naming = {.member = m};
    char text[GOSSIP_STORY_MAX];
    gossip_view_take(&m->view, r);
    if (r->event == GOSSIP_JOINED)
        m->join_us = INT64_MAX;
    if (r->event == GOSSIP_ASKS || r->event == GOSSIP_WAKES || r->event == GOSSIP_MEETS)
        return;
    gossip_story(text, r, name, &naming);
    const char *story = strstr(text, "] ");
    log_line("gossip: %s", story == NULL ? text : story + 2);
}

/* ---- sending ---- */

static size_t zone_of(const struct member *m, uint16_t member)
{
    return member / (m->layout->topo->service_count + 1);
}

static void take(struct member *m, const void *bytes, size_t len, struct http_exchange *x);
static void part(uv_timer_t *timer);

static void answered(void *context, const struct http_reply *reply)
{
    const struct peer *peer = context;
    struct member *m = peer->member;
    bool ours = reply->failure == HTTP_BUSY || reply->failure == HTTP_UNSENT;
    m->calls--;
    if (!ours) /* our own trouble says nothing of the way there */
        fence_asked(&m->fence, zone_of(m, peer->number), reply->failure != HTTP_TIMEOUT);
    if (reply->failure == HTTP_OK && reply->status == 200 && reply->len > 0 && !m->ending)
        take(m, reply->body, reply->len, NULL);
    if (m->ending && m->calls == 0)
        uv_timer_start(&m->timer, part, 0, 0);
}

/* A busy machine is no cut line. */
static int64_t timeout_us(const struct member *m)
{
    return m->gossip.opts.period_us > TIMEOUT_US_MIN ? m->gossip.opts.period_us : TIMEOUT_US_MIN;
}

/* Until it is the peer's turn again: in large cells that is minutes, and connecting anew each time
 * costs both sides more than the letter. */
static int64_t keep_us(const struct member *m)
{
    int64_t us = 2 * m->view.members * m->gossip.opts.period_us;
    return us < KEEP_US_MIN ? KEEP_US_MIN : us > KEEP_US_MAX ? KEEP_US_MAX : us;
}

static void post(struct member *m, const struct gossip_letter *letter)
{
    uint8_t bytes[GOSSIP_SEALED_MAX];
    struct peer *peer = &m->peer[letter->to];
    struct http_client **client = &peer->client;
    if (*client == NULL) {
        *peer = (struct peer){.member = m, .number = letter->to};
        *client = http_client_new(m->loop, layout_member_port(m->layout, m->cell, letter->to), 1);
        if (*client != NULL) {
            http_client_keep(*client, keep_us(m));
            network_route(&m->network, *client, m->cell, zone_of(m, m->self),
                          zone_of(m, letter->to));
        }
    }
    if (*client == NULL)
        return; /* lost, like any other */
    size_t len = gossip_seal_put(&m->seal, bytes, letter->to, &letter->msg);
    m->calls += http_send(*client, "POST", MEMBER_PATH, NULL, 0, bytes, len, timeout_us(m),
                          answered, peer) != NULL;
}

/* All that the machine has to say. One letter to whoever asked by `x` is the answer to that. */
static void post_all(struct member *m, struct http_exchange *x, uint16_t asker)
{
    static const char type[] = "application/octet-stream";
    uint8_t bytes[GOSSIP_SEALED_MAX];
    bool has_answered = x == NULL;
    for (size_t i = 0; i < m->out.count; i++) {
        const struct gossip_letter *letter = &m->out.letter[i];
        if (has_answered || letter->to != asker) {
            post(m, letter);
            continue;
        }
        size_t len = gossip_seal_put(&m->seal, bytes, asker, &letter->msg);
        http_answer(x, 200, type, NULL, 0, bytes, len);
        has_answered = true;
    }
    if (!has_answered)
        http_answer(x, 204, NULL, NULL, 0, NULL, 0);
}

/* ---- time ---- */

static void on_due(uv_timer_t *timer);

static void join_seeds(struct member *m, const uint16_t *seed, size_t count, int64_t now_us)
{
    m->join_us = now_us + JOIN_PERIODS * m->gossip.opts.period_us;
    gossip_join(&m->gossip, seed, count, now_us, &m->out);
    post_all(m, NULL, GOSSIP_NOBODY);
}

/* Nobody of those who were asked has answered. */
static void join_anybody(struct member *m, int64_t now_us)
{
    uint16_t seed[GOSSIP_SEEDS_MAX];
    for (size_t i = 0; i < GOSSIP_SEEDS_MAX; i++) {
        uint32_t other = rng_below(&m->rng, m->view.members - 1U);
        seed[i] = (uint16_t)(other + (other >= m->self));
    }
    join_seeds(m, seed, GOSSIP_SEEDS_MAX, now_us);
}

static void schedule(struct member *m)
{
    int64_t left_us = gossip_deadline_us(&m->gossip) - clock_us();
    if (m->held || m->ending)
        return;
    uv_update_time(m->loop);
    uv_timer_start(&m->timer, on_due, left_us <= 0 ? 0 : (uint64_t)(left_us + 999) / 1000, 0);
}

static void on_due(uv_timer_t *timer)
{
    struct member *m = timer->data;
    int64_t now_us = clock_us();
    if (gossip_deadline_us(&m->gossip) <= now_us) {
        gossip_step(&m->gossip, now_us, NULL, &m->out);
        post_all(m, NULL, GOSSIP_NOBODY);
    }
    if (m->join_us <= now_us)
        join_anybody(m, now_us);
    schedule(m);
}

/* ---- hearing ---- */

/* Told when it happens first, and then ever less often. */
static void complain(const struct member *m, enum gossip_refusal refusal)
{
    uint64_t count = m->seal.count[refusal];
    if ((count & (count - 1)) == 0)
        log_line("gossip: refused what is %s, %llu in all", gossip_refusal_words[refusal],
                 (unsigned long long)count);
}

/* Bytes that came by `x`, or as the answer to something of ours. */
static void take(struct member *m, const void *bytes, size_t len, struct http_exchange *x)
{
    enum gossip_refusal refusal = gossip_seal_take(&m->seal, bytes, len, &m->in);
    if (refusal != GOSSIP_TAKEN) {
        complain(m, refusal);
        if (x != NULL)
            http_problem(x, refusal == GOSSIP_SIZE ? 413 : 403, gossip_refusal_words[refusal]);
        return;
    }
    uint16_t asker = m->in.from;
    fence_asked(&m->fence, zone_of(m, asker), true);
    gossip_step(&m->gossip, clock_us(), &m->in, &m->out);
    post_all(m, x, asker);
    schedule(m);
}

static void tell(const struct member *m, struct http_exchange *x)
{
    struct arena a = {0};
    struct status_gossip gossip;
    char *text =
        member_status(m, &gossip, &a) != 0 ? NULL : json_encode(&gossip, status_gossip_fields, &a);
    if (text == NULL)
        http_problem(x, 503, "no memory left");
    else
        http_answer(x, 200, "application/json", NULL, 0, text, strlen(text));
    arena_release(&a);
}

void member_take(struct member *m, struct http_exchange *x)
{
    static const struct http_header allow = {"Allow", "GET, POST"};
    size_t len;
    const char *bytes = http_body(x, &len);
    if (strcmp(http_method(x), "GET") == 0)
        tell(m, x);
    else if (strcmp(http_method(x), "POST") != 0)
        http_answer(x, 405, NULL, &allow, 1, "", 0);
    else if (m->held || m->ending)
        http_problem(x, 503, "this member does not gossip now");
    else
        take(m, bytes, len, x);
}

/* ---- looking ---- */

bool member_is_cut(const struct member *m)
{
    return fence_is_cut(&m->fence, m->layout->topo->cells[m->cell].zone_count, zone_of(m, m->self));
}

int member_status(const struct member *m, struct status_gossip *out, struct arena *a)
{
    int64_t now_us = clock_us();
    char text[MEMBER_NAME_MAX];
    *out = (struct status_gossip){.members = m->view.members,
                                  .live = gossip_live(&m->gossip),
                                  .refused = (int64_t)gossip_seal_refused(&m->seal)};
    out->troubled = arena_alloc(a, m->view.members, sizeof out->troubled[0]);
    if (out->troubled == NULL)
        return -1;
    for (uint16_t i = 0; i < m->view.members; i++) {
        const struct gossip_seen *seen = &m->view.seen[i];
        const char *by = "", *also = "";
        if (seen->state == GOSSIP_ALIVE)
            continue;
        const char *who = arena_format(a, "%s", name_of(m, i, text));
        if (seen->by != GOSSIP_NOBODY)
            by = arena_format(a, "%s", name_of(m, seen->by, text));
        if (seen->also != GOSSIP_NOBODY)
            also = arena_format(a, "%s", name_of(m, seen->also, text));
        if (who == NULL || by == NULL || also == NULL)
            return -1;
        out->troubled[out->troubled_count++] =
            (struct status_member){.name = who,
                                   .state = seen->state,
                                   .by = by,
                                   .also = also,
                                   .ago_ms = (now_us - seen->since_us) / 1000,
                                   .views = 1};
    }
    return 0;
}

/* ---- the key ---- */

static int read_key(uint8_t key[SIPHASH_KEY_BYTES], const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, key, SIPHASH_KEY_BYTES);
    close(fd);
    errno = n < 0 ? errno : EBADMSG;
    return n == SIPHASH_KEY_BYTES ? 0 : -1;
}

/* Whoever comes first makes it: whole, or not at all. */
static int make_key(const char *path)
{
    uint8_t key[SIPHASH_KEY_BYTES];
    char new[4096];
    int n = snprintf(new, sizeof new, "%s.%ld", path, (long)getpid());
    errno = ENAMETOOLONG;
    if (n < 0 || (size_t)n >= sizeof new || getrandom(key, sizeof key, 0) != sizeof key)
        return -1;
    int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int status = write(fd, key, sizeof key) == sizeof key && fsync(fd) == 0 ? 0 : -1;
    close(fd);
    if (status == 0 && link(new, path) != 0 && errno != EEXIST)
        status = -1;
    int error = errno;
    unlink(new);
    errno = error;
    return status;
}

static int load_key(struct member *m, uint8_t key[SIPHASH_KEY_BYTES], struct error *err)
{
    const char *path = layout_file(m->layout, "gossip.key", &m->arena);
    if (path == NULL)
        return error_memory(err);
    int status = read_key(key, path);
    if (status != 0 && errno == ENOENT)
        status = make_key(path) == 0 ? read_key(key, path) : -1;
    if (status != 0)
        return error_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    return 0;
}

/* ---- beginning and ending ---- */

static struct gossip_opts opts_of(struct member *m, size_t zone)
{
    struct gossip_opts opts = gossip_usual;
    opts.self = m->self;
    opts.zone = (uint8_t)zone;
    opts.members_max = (uint16_t)layout_members(m->layout, m->cell);
    opts.news_max = opts.suspects_max = opts.members_max;
    opts.period_us = pace_us(layout_processes(m->layout));
    opts.ack_wait_us = opts.period_us / 4;
    opts.late_us = opts.period_us / 8;
    opts.trace = on_record;
    opts.context = m;
    return opts;
}

/* First ask the agents of other zones, and somebody in our own. */
static void join(struct member *m)
{
    uint16_t seed[GOSSIP_SEEDS_MAX];
    size_t count = 0, each = m->layout->topo->service_count + 1;
    size_t zones = m->layout->topo->cells[m->cell].zone_count, own = m->self / each;
    for (size_t i = 1; i < zones && count < GOSSIP_SEEDS_MAX - 1; i++)
        seed[count++] = (uint16_t)((own + i) % zones * each + each - 1);
    seed[count++] = (uint16_t)(own * each + (m->self % each == each - 1 ? 0 : each - 1));
    join_seeds(m, seed, count, clock_us());
    schedule(m);
}

static int init(struct member *m, size_t zone, struct error *err)
{
    uint8_t key[SIPHASH_KEY_BYTES];
    struct rng rng;
    size_t members = layout_members(m->layout, m->cell);
    struct gossip_opts opts = opts_of(m, zone);
    char text[MEMBER_NAME_MAX];
    if (load_key(m, key, err) != 0)
        return -1;
    m->peer = arena_alloc(&m->arena, members, sizeof m->peer[0]);
    if (m->peer == NULL ||
        gossip_view_init(&m->view, (uint16_t)members, m->self, clock_us(), &m->arena) != 0 ||
        gossip_seal_init(&m->seal, key, (uint32_t)m->cell, m->self, (uint16_t)members,
                         (uint16_t)(m->layout->topo->service_count + 1), (uint64_t)clock_us(),
                         &m->arena) != 0)
        return error_memory(err);
    rng_named(&m->rng, (uint64_t)getpid(), (uint64_t)clock_us(), name_of(m, m->self, text), "join");
    rng_named(&rng, (uint64_t)getpid(), (uint64_t)clock_us(), name_of(m, m->self, text), "gossip");
    if (gossip_init(&m->gossip, &opts, &rng, &m->arena, clock_us()) != 0)
        return error_memory(err);
    return 0;
}

int member_new(struct member **out, const struct layout *l, size_t cell, size_t zone,
               size_t service, uv_loop_t *loop, struct error *err)
{
    struct member *m = calloc(1, sizeof *m);
    if (m == NULL)
        return error_memory(err);
    m->layout = l;
    m->cell = cell;
    m->self = (uint16_t)layout_member(l, zone, service);
    m->loop = loop;
    if (init(m, zone, err) != 0 || network_init(&m->network, loop, l, err) != 0) {
        arena_release(&m->network.arena);
        arena_release(&m->arena);
        free(m);
        return -1;
    }
    uv_timer_init(loop, &m->timer);
    m->timer.data = m;
    join(m);
    *out = m;
    return 0;
}

void member_hold(struct member *m, bool hold)
{
    if (m->held == hold)
        return;
    m->held = hold;
    uv_timer_stop(&m->timer);
    if (!hold)
        join(m);
}

static void on_closed(uv_handle_t *timer)
{
    struct member *m = timer->data;
    arena_release(&m->arena);
    free(m);
}

static void on_network_closed(void *context)
{
    struct member *m = context;
    uv_close((uv_handle_t *)&m->timer, on_closed);
}

static void part(uv_timer_t *timer)
{
    struct member *m = timer->data;
    if (uv_is_closing((uv_handle_t *)timer))
        return;
    for (uint16_t i = 0; i < m->view.members; i++)
        http_client_free(m->peer[i].client); /* nobody is called any more */
    network_close(&m->network, on_network_closed, m);
}

void member_close(struct member *m, bool leave)
{
    if (m == NULL || m->ending)
        return;
    if (leave && !m->held) {
        gossip_leave(&m->gossip, clock_us(), &m->out);
        post_all(m, NULL, GOSSIP_NOBODY);
    }
    m->ending = true;
    uv_timer_start(&m->timer, part, m->calls > 0 && leave ? PARTING_MS : 0, 0);
}
