#include "commands/trace_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "commands/files.h"
#include "commands/trace_put.h"
#include "simulator/plane.h"
#include "simulator/trace.h"

struct server {    /* one of the world's, numbered alike */
    uint8_t *lane; /* [lanes] enum lane; grows as more are used at once */
    uint32_t lanes;
};

enum lane { LANE_NEW, LANE_FREE, LANE_BUSY }; /* NEW: has no name in the file yet */

struct attempt { /* by slot: at work, or not */
    bool works;
    uint32_t lane;
    struct trace_record begin; /* WORK */
};

struct request { /* by slot: shown and open, or not */
    bool open, tried;
    const char *end;           /* how its last try ended; NULL: no try has */
    struct trace_record begin; /* REQUEST */
    struct trace_record try;   /* SEND, when `tried` */
};

struct crowd { /* of one service in one zone */
    uint32_t waiting, running;
};

struct trace_file {
    struct trace_file_opts opts;
    const struct files *files;
    struct arena arena;
    struct trace_put put;
    struct server *server;
    uint32_t server_count;
    struct crowd (*crowd)[TOPO_ZONES_MAX]; /* by group */
    bool *down;                            /* by fault */
    struct attempt *attempt;
    uint32_t attempt_count;
    struct request *request;
    uint32_t request_count;
    int64_t records;
    int64_t last_ns;
    bool begun; /* from_ns is over */
    bool full;
};

static const char *const answer_words[] = {"answered", "shed", "reset",
                                           "failed"}; /* by enum world_answer */

/* Room for `index` in an array that doubles; new items are zero. */
static void *reach(struct trace_file *f, void *array, uint32_t *count, uint32_t index, size_t size)
{
    if (index < *count)
        return array;
    size_t more = index < 32 ? 64 : 2 * ((size_t)index + 1);
    char *grown = realloc(array, more * size);
    if (grown == NULL) {
        trace_put_fail(&f->put, ENOMEM);
        return array;
    }
    memset(grown + *count * size, 0, (more - *count) * size);
    *count = (uint32_t)more;
    return grown;
}

/* ---- servers ---- */

/* The server has this lane, and the file its name. */
static void lane_make(struct trace_file *f, const struct trace_record *r, uint32_t lane)
{
    assert(r->server < f->server_count);
    struct server *server = &f->server[r->server];
    server->lane = reach(f, server->lane, &server->lanes, lane, sizeof server->lane[0]);
    if (f->put.failed != 0 || server->lane[lane] != LANE_NEW)
        return;
    trace_put_lane(&f->put, r, lane);
    server->lane[lane] = LANE_FREE;
}

/* The lowest lane of the server that is free. */
static uint32_t lane_take(struct trace_file *f, const struct trace_record *r)
{
    const struct server *server = &f->server[r->server];
    uint32_t i = 0;
    while (i < server->lanes && server->lane[i] == LANE_BUSY)
        i++;
    lane_make(f, r, i);
    if (f->put.failed == 0)
        server->lane[i] = LANE_BUSY;
    return i;
}

static void decide(struct trace_file *f, const struct trace_record *r, const char *end)
{
    if (r->server != WORLD_NONE) /* it shows on the first lane */
        lane_make(f, r, 0);
    trace_put_decision(&f->put, r, end);
}

static void work_begin(struct trace_file *f, const struct trace_record *r)
{
    f->attempt = reach(f, f->attempt, &f->attempt_count, r->attempt_slot, sizeof f->attempt[0]);
    uint32_t lane = lane_take(f, r);
    if (f->put.failed == 0)
        f->attempt[r->attempt_slot] = (struct attempt){true, lane, *r};
}

static void work_end(struct trace_file *f, struct attempt *at, const char *end)
{
    trace_put_work(&f->put, &at->begin, at->lane, f->last_ns, end);
    f->server[at->begin.server].lane[at->lane] = LANE_FREE;
    at->works = false;
}

/* Follow how many wait and are worked on, and on which lane. */
static void take_server(struct trace_file *f, const struct trace_record *r)
{
    struct crowd *crowd = &f->crowd[r->group][r->zone];
    crowd->waiting += r->kind == TRACE_WAIT;
    crowd->waiting -= r->kind != TRACE_WAIT && r->from == ATTEMPT_WAITS;
    crowd->running += r->kind == TRACE_WORK;
    crowd->running -= r->kind != TRACE_WORK && r->from == ATTEMPT_RUNS;
    if (!f->begun)
        return;
    if (r->kind == TRACE_WORK)
        work_begin(f, r);
    struct attempt *at = r->attempt_slot < f->attempt_count ? &f->attempt[r->attempt_slot] : NULL;
    if (r->kind == TRACE_LEAVE && at != NULL && at->works)
        work_end(f, at, answer_words[r->answer]);
    if (r->kind == TRACE_CALLS && at != NULL && at->works)
        work_end(f, at, "asks others");
    if (r->kind == TRACE_LEAVE && r->answer == WORLD_SHED)
        decide(f, r, NULL);
    if (r->kind != TRACE_LEAVE || r->from != ATTEMPT_OUT) /* else it never got in */
        trace_put_crowd(&f->put, r->group, r->zone, r->at_ns, crowd->waiting, crowd->running);
}

/* ---- requests ---- */

static void try_end(struct trace_file *f, struct request *q, const char *end)
{
    trace_put_async(&f->put, "e", &q->try, f->last_ns, end);
    q->tried = false;
    q->end = end;
}

static void request_end(struct trace_file *f, struct request *q, const char *end)
{
    if (q->tried)
        try_end(f, q, end);
    trace_put_async(&f->put, "e", &q->begin, f->last_ns, end);
    q->open = false;
}

/* What is kept of the record's request; NULL when it began before the trace did. */
static struct request *request_of(struct trace_file *f, const struct trace_record *r)
{
    struct request *q = r->request_slot < f->request_count ? &f->request[r->request_slot] : NULL;
    return q != NULL && q->open && q->begin.request == r->request ? q : NULL;
}

static void take_begin(struct trace_file *f, const struct trace_record *r)
{
    trace_put_async(&f->put, "b", r, r->at_ns, NULL);
    if (r->request_slot == WORLD_NONE) /* it ends at once */
        return;
    f->request = reach(f, f->request, &f->request_count, r->request_slot, sizeof f->request[0]);
    if (f->put.failed == 0)
        f->request[r->request_slot] = (struct request){.open = true, .begin = *r};
}

static void take_end(struct trace_file *f, const struct trace_record *r)
{
    struct request alone = {.begin = *r};
    alone.begin.kind = TRACE_REQUEST;
    struct request *q = r->request_slot == WORLD_NONE ? &alone : request_of(f, r);
    if (q == NULL)
        return;
    bool last_try = r->answer == WORLD_RESET && q->end != NULL; /* knows better: "timed out" */
    request_end(f, q, last_try ? q->end : answer_words[r->answer]);
}

static void take_request(struct trace_file *f, const struct trace_record *r)
{
    struct request *q = request_of(f, r);
    switch (r->kind) {
    case TRACE_REQUEST:
        take_begin(f, r);
        break;
    case TRACE_SEND:
        if (q != NULL && q->tried) { /* a second copy */
            decide(f, r, NULL);
        } else if (q != NULL) {
            trace_put_async(&f->put, "b", r, r->at_ns, NULL);
            q->tried = true;
            q->try = *r;
        }
        break;
    case TRACE_TIMEOUT:
        decide(f, r, NULL);
        if (q != NULL && q->tried)
            try_end(f, q, "timed out");
        break;
    case TRACE_ANSWER:
        if (q != NULL && q->tried)
            try_end(f, q, answer_words[r->answer]);
        break;
    case TRACE_LEFT:
        break;
    case TRACE_END:
        take_end(f, r);
        break;
    default:
        decide(f, r, q != NULL ? q->end : NULL);
        break;
    }
}

static void take_fault(struct trace_file *f, const struct trace_record *r)
{
    f->down[r->who] = r->kind == TRACE_BREAK;
    if (!f->begun)
        return;
    trace_put_fault(&f->put, r->kind == TRACE_BREAK ? "b" : "e", r->who, r->at_ns);
    trace_put_fault(&f->put, "i", r->who, r->at_ns);
}

/* ---- beginning and end ---- */

/* Say how things stand at from_ns. */
static void begin(struct trace_file *f)
{
    const struct topo *topo = &f->files->topo;
    int64_t at_ns = f->opts.from_ns;
    f->begun = true;
    for (size_t c = 0; c < topo->cell_count; c++) {
        trace_put_cell(&f->put, c);
        for (size_t i = 0; i < topo->service_count; i++) {
            size_t group = c * topo->service_count + i;
            size_t zones = topo->services[i].store ? 1 : topo->cells[c].zone_count;
            for (size_t z = 0; z < zones; z++)
                trace_put_crowd(&f->put, group, z, at_ns, f->crowd[group][z].waiting,
                                f->crowd[group][z].running);
        }
    }
    for (size_t i = 0; i < f->files->scenario.fault_count; i++)
        if (f->down[i])
            trace_put_fault(&f->put, "b", i, at_ns);
}

void trace_file_take(void *trace_file, const struct trace_record *r)
{
    struct trace_file *f = trace_file;
    if (f->full || f->put.failed != 0)
        return;
    if (!f->begun && r->at_ns >= f->opts.from_ns)
        begin(f);
    if (f->begun && f->records >= f->opts.records_max) {
        f->full = true;
        return;
    }
    f->records += f->begun;
    f->last_ns = r->at_ns;
    if (r->kind == TRACE_BREAK || r->kind == TRACE_HEAL)
        take_fault(f, r);
    else if (r->kind == TRACE_WAIT || r->kind == TRACE_WORK || r->kind == TRACE_CALLS ||
             r->kind == TRACE_LEAVE)
        take_server(f, r);
    else if (f->begun)
        take_request(f, r);
    if (f->put.failed != 0 && f->opts.stop != NULL)
        __atomic_store_n(f->opts.stop, 1, __ATOMIC_RELAXED);
}

/* Close what is open. */
static void close_all(struct trace_file *f, bool stopped)
{
    if (!f->begun)
        begin(f);
    if (!f->full && !stopped)
        f->last_ns = f->files->scenario.duration_us * 1000;
    else if (f->last_ns < f->opts.from_ns)
        f->last_ns = f->opts.from_ns;
    for (uint32_t i = 0; i < f->attempt_count; i++)
        if (f->attempt[i].works)
            work_end(f, &f->attempt[i], "unfinished");
    for (uint32_t i = 0; i < f->request_count; i++)
        if (f->request[i].open)
            request_end(f, &f->request[i], "unfinished");
    for (size_t i = 0; i < f->files->scenario.fault_count; i++)
        if (f->down[i])
            trace_put_fault(&f->put, "e", i, f->last_ns);
}

static void release(struct trace_file *f)
{
    for (uint32_t i = 0; i < f->server_count; i++)
        free(f->server[i].lane);
    free(f->attempt);
    free(f->request);
    arena_release(&f->arena);
    free(f);
}

/* As many as the world has: stores, those that are planned, and those that control may start. */
static uint32_t servers_of(const struct files *files)
{
    uint32_t servers = 0;
    for (size_t c = 0; c < files->topo.cell_count; c++)
        for (size_t i = 0; i < files->topo.service_count; i++) {
            uint32_t per_zone = (uint32_t)files->plan.cells[c].services[i].per_zone;
            per_zone += plane_room(&files->scenario, per_zone);
            bool store = files->topo.services[i].store;
            servers += store ? 1 : per_zone * (uint32_t)files->topo.cells[c].zone_count;
        }
    return servers;
}

static int init(struct trace_file *f, struct error *err)
{
    const struct topo *topo = &f->files->topo;
    f->server_count = servers_of(f->files);
    f->server = arena_alloc(&f->arena, f->server_count, sizeof f->server[0]);
    f->crowd = arena_alloc(&f->arena, topo->cell_count * topo->service_count, sizeof f->crowd[0]);
    f->down = arena_alloc(&f->arena, f->files->scenario.fault_count, sizeof f->down[0]);
    if (f->server == NULL || f->crowd == NULL || f->down == NULL ||
        trace_put_init(&f->put, f->files, &f->arena) != 0)
        return error_memory(err);
    f->put.out = fopen(f->opts.path, "we");
    if (f->put.out == NULL) {
        error_set(err, ERR_SYSTEM, "%s", strerror(errno));
        return error_prefix(err, "%s", f->opts.path);
    }
    trace_put_begin(&f->put);
    return 0;
}

struct trace_file *trace_file_open(const struct trace_file_opts *opts, const struct files *files,
                                   struct error *err)
{
    struct trace_file *f = calloc(1, sizeof *f);
    if (f == NULL) {
        error_memory(err);
        return NULL;
    }
    f->opts = *opts;
    f->files = files;
    if (init(f, err) != 0) {
        release(f);
        return NULL;
    }
    return f;
}

bool trace_file_is_full(const struct trace_file *f)
{
    return f->full;
}

int trace_file_close(struct trace_file *f, bool stopped, struct error *err)
{
    if (f == NULL)
        return 0;
    if (f->put.failed == 0)
        close_all(f, stopped);
    trace_put_end(&f->put, &(struct trace_end){.seed = f->opts.seed,
                                               .from_ns = f->opts.from_ns,
                                               .until_ns = f->last_ns,
                                               .records = f->records,
                                               .records_max = f->opts.records_max,
                                               .full = f->full,
                                               .stopped = stopped});
    struct stat st;
    bool regular = fstat(fileno(f->put.out), &st) == 0 && S_ISREG(st.st_mode);
    errno = 0;
    if (fclose(f->put.out) != 0)
        trace_put_fail(&f->put, errno);
    int failed = f->put.failed;
    if (failed != 0) {
        if (regular)
            unlink(f->opts.path);
        error_set(err, ERR_SYSTEM, "cannot write the trace: %s", strerror(failed));
        error_prefix(err, "%s", f->opts.path);
    }
    release(f);
    return failed == 0 ? 0 : -1;
}
