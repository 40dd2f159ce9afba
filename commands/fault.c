#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/json.h"
#include "commands/ask.h"
#include "commands/commands.h"
#include "commands/state.h"
#include "commands/status_fetch.h"
#include "commands/table.h"
#include "control/status.h"

enum { ASK_MS = 5000 };

struct fault_options {
    const char *dir, *duration;
};

static const struct cli_option fault_options[] = {
    {"state", CLI_STR, offsetof(struct fault_options, dir), "DIR", 0, 0,
     "The state folder of the system (" STATE_DIR_DEFAULT ")"},
    {"for", CLI_STR, offsetof(struct fault_options, duration), "TIME", 0, 0,
     "It ends by itself after this: 5s, 2m (1m)"},
    {.type = CLI_END},
};

static const struct cli_option heal_options[] = {
    {"state", CLI_STR, offsetof(struct fault_options, dir), "DIR", 0, 0,
     "The state folder of the system (" STATE_DIR_DEFAULT ")"},
    {.type = CLI_END},
};

/* ---- what is on ---- */

static int list(const char *dir, struct arena *a, struct error *err)
{
    struct status s;
    struct table t;
    if (status_fetch(dir, &s, a, err) != 0)
        return -1;
    if (s.fault_count == 0) {
        printf("no fault is on\n");
        return 0;
    }
    table_titles(&t, "ID|<KIND|<SCOPE|ENDS IN");
    for (size_t i = 0; i < s.fault_count; i++) {
        char left[DURATION_TEXT_MAX];
        int64_t ms = s.faults[i].ends_in_ms < 0 ? 0 : s.faults[i].ends_in_ms;
        duration_format(left, (ms + 99) / 100 * 100000);
        table_put(&t, "%lld", (long long)s.faults[i].id);
        table_put(&t, "%s", s.faults[i].kind);
        table_put(&t, "%s", s.faults[i].scope);
        table_put(&t, "%s", left);
    }
    table_print(&t, stdout);
    return 0;
}

/* ---- break ---- */

struct request {
    const char *kind, *scope, *duration;
};

static const struct json_field request_fields[] = {
    JSON_STR(struct request, kind, "kind", .doc = "What to break"),
    JSON_STR(struct request, scope, "scope", .doc = "Where"),
    JSON_STR(struct request, duration, "for", .doc = "For how long"),
    JSON_END,
};

struct answer {
    int64_t id;
};

static const struct json_field answer_fields[] = {
    JSON_I64(struct answer, id, "id", 0, 0x1p52, .doc = "The fault's number"),
    JSON_END,
};

static int inject(const struct fault_options *o, const struct request *request, struct arena *a,
                  struct error *err)
{
    int64_t us;
    struct ask_reply reply;
    struct answer answer;
    if (duration_parse(&us, request->duration, err) != 0)
        return error_prefix(err, "--for");
    const char *body = json_encode(request, request_fields, a);
    if (body == NULL)
        return error_memory(err);
    if (ask(&reply, o->dir, "control.sock", "POST", "/faults", body, ASK_MS, a, err) != 0 ||
        json_decode(&answer, sizeof answer, answer_fields, reply.body, reply.len, NULL, 0, a,
                    err) != 0)
        return -1;
    printf("fault %lld: %s at %s, ends by itself in %s\n", (long long)answer.id, request->kind,
           request->scope, request->duration);
    return 0;
}

static int finish(int status, struct arena *a, const struct error *err)
{
    status = status == 0 ? EXIT_YES : cli_fail(err->text);
    arena_release(a);
    return status;
}

static int fault_main(int argc, char **argv)
{
    struct fault_options o = {.dir = STATE_DIR_DEFAULT, .duration = "1m"};
    struct arena a = {0};
    struct error err;
    int args;
    int status = cli_parse(&fault_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    if (args == 0)
        return finish(list(o.dir, &a, &err), &a, &err);
    if (args == 1)
        return cli_misuse(&fault_command, "%s: the scope is missing, as in zone-down de/a",
                          argv[1]);
    const struct request request = {argv[1], argv[2], o.duration};
    return finish(inject(&o, &request, &a, &err), &a, &err);
}

/* ---- heal ---- */

struct healed {
    int64_t ended;
};

static const struct json_field healed_fields[] = {
    JSON_I64(struct healed, ended, "ended", 0, 0x1p52, .doc = "How many faults were ended"),
    JSON_END,
};

/* Where to send the DELETE: by number, by scope, or all. NULL when `what` cannot be sent. */
static const char *target_of(const char *what, struct arena *a)
{
    if (strcmp(what, "all") == 0)
        return "/faults";
    if (what[0] != '\0' && strspn(what, "0123456789") == strlen(what))
        return arena_format(a, "/faults/%s", what);
    for (const char *p = what; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("/_-", *p) == NULL)
            return NULL;
    return arena_format(a, "/faults?scope=%s", what);
}

static int heal(const char *dir, const char *what, struct arena *a, struct error *err)
{
    struct ask_reply reply;
    struct healed healed;
    const char *target = target_of(what, a);
    if (target == NULL)
        return error_set(err, ERR_SYNTAX, "expected a scope, a fault's number or all, got \"%s\"",
                         what);
    if (ask(&reply, dir, "control.sock", "DELETE", target, NULL, ASK_MS, a, err) != 0 ||
        json_decode(&healed, sizeof healed, healed_fields, reply.body, reply.len, NULL, 0, a,
                    err) != 0)
        return error_prefix(err, "heal %s", what);
    printf("ended %lld fault%s\n", (long long)healed.ended, healed.ended == 1 ? "" : "s");
    return 0;
}

static int heal_main(int argc, char **argv)
{
    struct fault_options o = {.dir = STATE_DIR_DEFAULT};
    struct arena a = {0};
    struct error err;
    int args;
    int status = cli_parse(&heal_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    status = args == 0 ? list(o.dir, &a, &err) : heal(o.dir, argv[1], &a, &err);
    return finish(status, &a, &err);
}

const struct cli_command fault_command = {
    "fault",
    fault_main,
    "[KIND SCOPE]",
    0,
    2,
    "Break a part of a running system, or list what is broken",
    "cell-down CELL, zone-down CELL/ZONE, service-down CELL/SERVICE or server-down\n"
    "CELL/ZONE/SERVICE: its processes are killed and kept down until the time is over.",
    fault_options,
};

const struct cli_command heal_command = {
    "heal",
    heal_main,
    "[SCOPE]",
    0,
    1,
    "End a fault: by scope, by number, or all",
    "Without SCOPE the faults that are on are listed.",
    heal_options,
};
