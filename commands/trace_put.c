#include "commands/trace_put.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/duration.h"
#include "base/json_text.h"
#include "commands/files.h"
#include "simulator/trace.h"

/* Threads of a cell: the door, then the servers' lanes. */
enum { TID_DOOR = 1, TID_LANES = 2 };

/* ---- names ---- */

static const char *escaped(const char *name, struct arena *a)
{
    struct json_text t = {0};
    json_text_string(&t, name);
    const char *text = json_text_take(&t, a);
    return text == NULL ? NULL : arena_string(a, text + 1, strlen(text) - 3); /* "name"\n */
}

int trace_put_init(struct trace_put *p, const struct files *files, struct arena *a)
{
    const struct topo *topo = &files->topo;
    const struct scenario *scenario = &files->scenario;
    bool all = true;
    *p = (struct trace_put){
        .files = files,
        .country = arena_alloc(a, topo->country_count, sizeof p->country[0]),
        .cell = arena_alloc(a, topo->cell_count, sizeof p->cell[0]),
        .service = arena_alloc(a, topo->service_count, sizeof p->service[0]),
        .fault = arena_alloc(a, scenario->fault_count, sizeof p->fault[0]),
        .zone = arena_alloc(a, topo->cell_count, sizeof p->zone[0]),
    };
    if (p->country == NULL || p->cell == NULL || p->service == NULL || p->fault == NULL ||
        p->zone == NULL)
        return -1;
    for (size_t i = 0; i < topo->country_count; i++)
        all = (p->country[i] = escaped(topo->countries[i].name, a)) != NULL && all;
    for (size_t i = 0; i < topo->service_count; i++) {
        all = (p->service[i] = escaped(topo->services[i].name, a)) != NULL && all;
        if (topo->services[i].concurrency > p->lanes)
            p->lanes = topo->services[i].concurrency;
    }
    for (size_t i = 0; i < scenario->fault_count; i++)
        all = (p->fault[i] = escaped(scenario->faults[i].scope, a)) != NULL && all;
    for (size_t i = 0; i < topo->cell_count; i++) {
        all = (p->cell[i] = escaped(topo->cells[i].name, a)) != NULL && all;
        for (size_t z = 0; z < topo->cells[i].zone_count; z++)
            all = (p->zone[i][z] = escaped(topo->cells[i].zones[z], a)) != NULL && all;
    }
    return all ? 0 : -1;
}

static size_t cell_of(const struct trace_put *p, const struct trace_record *r)
{
    return r->group / p->files->topo.service_count;
}

static const char *service_of(const struct trace_put *p, const struct trace_record *r)
{
    return p->service[r->group % p->files->topo.service_count];
}

static int64_t lane_tid(const struct trace_put *p, const struct trace_record *r, uint32_t lane)
{
    return TID_LANES + r->server * p->lanes + lane;
}

/* ---- text ---- */

void trace_put_fail(struct trace_put *p, int why)
{
    if (p->failed == 0)
        p->failed = why != 0 ? why : EIO;
}

static void put(struct trace_put *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct trace_put *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    errno = 0;
    if (p->failed == 0 && vfprintf(p->out, format, args) < 0)
        trace_put_fail(p, errno);
    va_end(args);
}

static bool is_store(const struct trace_put *p, size_t group)
{
    return p->files->topo.services[group % p->files->topo.service_count].store;
}

/* "a/catalog-2"; a store is in no zone. */
static void put_server(struct trace_put *p, const struct trace_record *r)
{
    if (is_store(p, r->group))
        put(p, "%s", service_of(p, r));
    else
        put(p, "%s/%s-%" PRIu32, p->zone[cell_of(p, r)][r->zone], service_of(p, r), r->nth + 1);
}

/* An event up to its name's opening quote. Times are in microseconds. */
static void event(struct trace_put *p, const char *phase, size_t cell, int64_t tid, int64_t at_ns)
{
    put(p, "%s\n{\"ph\":\"%s\",\"pid\":%zu,\"tid\":%" PRId64 ",\"ts\":%" PRId64 ".%03d,\"name\":\"",
        p->events++ == 0 ? "" : ",", phase, cell + 1, tid, at_ns / 1000, (int)(at_ns % 1000));
}

void trace_put_begin(struct trace_put *p)
{
    put(p, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
}

void trace_put_end(struct trace_put *p, const struct trace_end *end)
{
    char from[DURATION_TEXT_MAX], until[DURATION_TEXT_MAX];
    duration_format(from, end->from_ns / 1000);
    duration_format(until, end->until_ns / 1000);
    put(p,
        "\n],\"otherData\":{\"program\":\"bulkhead %s\",\"seed\":%" PRId64
        ",\"replication\":0,\"from\":\"%s\",\"until\":\"%s\",\"ended_by\":\"%s\","
        "\"records\":%" PRId64 ",\"records_max\":%" PRId64 "}}\n",
        BULKHEAD_VERSION, end->seed, from, until,
        end->full      ? "records_max, the rest is left out"
        : end->stopped ? "an interruption"
                       : "the end of the run",
        end->records, end->records_max);
}

/* ---- events ---- */

void trace_put_cell(struct trace_put *p, size_t cell)
{
    event(p, "M", cell, 0, 0);
    put(p, "process_name\",\"args\":{\"name\":\"cell %s\"}}", p->cell[cell]);
    event(p, "M", cell, TID_DOOR, 0);
    put(p, "thread_name\",\"args\":{\"name\":\"door\"}}");
}

void trace_put_lane(struct trace_put *p, const struct trace_record *r, uint32_t lane)
{
    event(p, "M", cell_of(p, r), lane_tid(p, r, lane), 0);
    put(p, "thread_name\",\"args\":{\"name\":\"");
    put_server(p, r);
    if (lane > 0)
        put(p, " (%" PRIu32 ")", lane + 1);
    put(p, "\"}}");
}

void trace_put_async(struct trace_put *p, const char *phase, const struct trace_record *r,
                     int64_t at_ns, const char *end)
{
    event(p, phase, cell_of(p, r), TID_DOOR, at_ns);
    if (r->kind == TRACE_REQUEST) {
        put(p, "%s %s", p->country[r->who], service_of(p, r));
    } else {
        put(p, "try %u ", (unsigned)r->tries);
        put_server(p, r);
    }
    put(p, "\",\"cat\":\"request\",\"id\":\"%" PRId64 "\"", r->request);
    if (end != NULL)
        put(p, ",\"args\":{\"end\":\"%s\"}", end);
    put(p, "}");
}

void trace_put_work(struct trace_put *p, const struct trace_record *r, uint32_t lane,
                    int64_t until_ns, const char *end)
{
    int64_t took_ns = until_ns - r->at_ns;
    event(p, "X", cell_of(p, r), lane_tid(p, r, lane), r->at_ns);
    put(p,
        "%s %s\",\"dur\":%" PRId64 ".%03d,\"args\":{\"request\":%" PRId64
        ",\"try\":%u,\"end\":\"%s\"}}",
        p->country[r->who], service_of(p, r), took_ns / 1000, (int)(took_ns % 1000), r->request,
        (unsigned)r->tries, end);
}

void trace_put_crowd(struct trace_put *p, size_t group, size_t zone, int64_t at_ns,
                     uint32_t waiting, uint32_t running)
{
    size_t cell = group / p->files->topo.service_count;
    event(p, "C", cell, TID_DOOR, at_ns);
    put(p, "%s", p->service[group % p->files->topo.service_count]);
    if (!is_store(p, group))
        put(p, " in %s", p->zone[cell][zone]);
    put(p, "\",\"args\":{\"waiting\":%" PRIu32 ",\"running\":%" PRIu32 "}}", waiting, running);
}

void trace_put_fault(struct trace_put *p, const char *phase, size_t fault, int64_t at_ns)
{
    const struct scenario_fault *f = &p->files->scenario.faults[fault];
    event(p, phase, f->cell == SCENARIO_ANY ? 0 : f->cell, TID_DOOR, at_ns);
    put(p, "%s %s\",\"cat\":\"fault\",", scenario_fault_words[f->kind], p->fault[fault]);
    if (phase[0] == 'i')
        put(p, "\"s\":\"p\"}");
    else
        put(p, "\"id\":\"fault %zu\"}", fault);
}

/* ---- decisions ---- */

static const char *decision_name(const struct trace_record *r)
{
    switch (r->kind) {
    case TRACE_RETRY:
        return "retry";
    case TRACE_NO_RETRY:
        return "budget refused";
    case TRACE_LATE:
        return "late";
    case TRACE_AGAIN:
        return "customer retries";
    case TRACE_TIMEOUT:
        return "timeout";
    case TRACE_SEND:
        return "hedged";
    case TRACE_EJECT:
        return "ejected";
    case TRACE_TRIAL:
        return "trial";
    case TRACE_BACK:
        return "back in";
    case TRACE_SHIFT:
        return "zone taken out";
    case TRACE_RETURN:
        return "zone comes back";
    case TRACE_START:
        return "server started";
    case TRACE_STOP:
        return "server stopped";
    case TRACE_RETIRE:
        return "server retired";
    case TRACE_CHANGE:
        return "new version";
    case TRACE_UNDO:
        return "old version";
    default:
        return "shed";
    }
}

/* A sentence about a server begins with its name. */
static void put_server_decision(struct trace_put *p, const struct trace_record *r)
{
    const struct topo_policy *policy = &p->files->topo.policy;
    char timeout[DURATION_TEXT_MAX], eject[DURATION_TEXT_MAX];
    duration_format(timeout, policy->timeout_us);
    duration_format(eject, policy->eject_us);
    put_server(p, r);
    if (r->kind == TRACE_TIMEOUT)
        put(p, " did not answer request %" PRId64 " within %s", r->request, timeout);
    else if (r->kind == TRACE_SEND)
        put(p, " gets a copy of request %" PRId64 ", which is slow", r->request);
    else if (r->kind == TRACE_TRIAL)
        put(p, " gets request %" PRId64 " as its trial", r->request);
    else if (r->kind == TRACE_BACK)
        put(p, " answered request %" PRId64 " and takes part again", r->request);
    else if (r->kind == TRACE_LEAVE && r->from == ATTEMPT_OUT)
        put(p, " refuses request %" PRId64 " on arrival", r->request);
    else if (r->kind == TRACE_LEAVE)
        put(p, " drops request %" PRId64 " after it was let in", r->request);
    else if (r->from == BALANCE_TRIAL)
        put(p, " failed its trial, request %" PRId64 ", and is left out for another %s", r->request,
            eject);
    else
        put(p,
            " failed %" PRId64 " times in a row, the last time request %" PRId64
            ", and is left out for %s",
            policy->eject_failures, r->request, eject);
}

const char *trace_put_control(uint8_t kind)
{
    switch (kind) {
    case TRACE_SHIFT:
        return "its tries fail or its servers ail, those of the other zones do not, and those can "
               "carry the load";
    case TRACE_RETURN:
        return "it has been out for ten minutes, and is tried again";
    case TRACE_START:
        return "more servers are wanted than are known to live";
    case TRACE_STOP:
        return "fewer servers are wanted than there are";
    case TRACE_RETIRE:
        return "it ails while most of its like do not, and others are there";
    case TRACE_CHANGE:
        return "the rollout goes on to this zone";
    case TRACE_UNDO:
        return "the rollout is taken back: too much failed, or its time was over";
    default:
        return NULL;
    }
}

void trace_put_decision(struct trace_put *p, const struct trace_record *r, const char *end)
{
    size_t cell = cell_of(p, r);
    bool at_door = r->server == WORLD_NONE;
    event(p, "i", cell, at_door ? TID_DOOR : lane_tid(p, r, 0), r->at_ns);
    put(p, "%s\",\"cat\":\"decision\",\"s\":\"t\",\"args\":{\"why\":\"", decision_name(r));
    char delay[DURATION_TEXT_MAX];
    duration_format(delay, r->delay_ns / 1000);
    const char *how = end != NULL ? end : "failed";
    const char *control = trace_put_control(r->kind);
    if (control != NULL && at_door)
        put(p, "zone %s: %s", p->zone[cell][r->zone], control);
    else if (control != NULL) {
        put_server(p, r);
        put(p, ": %s", control);
    } else if (!at_door)
        put_server_decision(p, r);
    else if (r->kind == TRACE_RETRY)
        put(p, "try %u of request %" PRId64 ": %s; another follows in %s outside zone %s",
            (unsigned)r->tries, r->request, how, delay, p->zone[cell][r->zone]);
    else if (r->kind == TRACE_NO_RETRY)
        put(p, "try %u of request %" PRId64 ": %s; no other, the retry budget of %s is spent",
            (unsigned)r->tries, r->request, how, p->cell[cell]);
    else if (r->kind == TRACE_LATE)
        put(p, "request %" PRId64 ": %s; no try, nobody would wait for its answer", r->request,
            how);
    else if (r->kind == TRACE_AGAIN)
        put(p, "request %" PRId64 ": %s; its customer will ask again", r->request, how);
    else
        put(p, "request %" PRId64 ": %s has no %s for it, or no room at its door", r->request,
            p->cell[cell], service_of(p, r));
    put(p, "\"}}");
}
