#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/json.h"
#include "base/lease.h"
#include "commands/ask.h"
#include "commands/commands.h"
#include "commands/state.h"
#include "commands/status_fetch.h"
#include "commands/table.h"
#include "control/status.h"

enum { ASK_MS = 5000 };

struct fault_options {
    const char *dir, *duration, *factor, *share, *extra;
};

static const struct cli_option fault_options[] = {
    {"state", CLI_STR, offsetof(struct fault_options, dir), "DIR", 0, 0,
     "The state folder of the system (" STATE_DIR_DEFAULT ")"},
    {"for", CLI_STR, offsetof(struct fault_options, duration), "TIME", 0, 0,
     "It ends by itself after this: 5s, 2m (1m)"},
    {"factor", CLI_STR, offsetof(struct fault_options, factor), "N", 0, 0,
     "slow, store-slow, surge: how many times as much; poison: requests per second"},
    {"share", CLI_STR, offsetof(struct fault_options, share), "N", 0, 0,
     "errors: of the answers, 0 to 1"},
    {"extra", CLI_STR, offsetof(struct fault_options, extra), "TIME", 0, 0,
     "latency: of each message; poison: until a killed server is back"},
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
    table_titles(&t, "ID|<KIND|<SCOPE|<WITH|<BY|ENDS IN");
    for (size_t i = 0; i < s.fault_count; i++) {
        char left[DURATION_TEXT_MAX];
        int64_t ms = s.faults[i].ends_in_ms < 0 ? 0 : s.faults[i].ends_in_ms;
        duration_format(left, (ms + 99) / 100 * 100000);
        table_put(&t, "%lld", (long long)s.faults[i].id);
        table_put(&t, "%s", s.faults[i].kind);
        table_put(&t, "%s", s.faults[i].scope);
        table_put(&t, "%s", s.faults[i].parameters);
        table_put(&t, "%s", s.faults[i].who);
        table_put(&t, "%s", left);
    }
    table_print(&t, stdout);
    return 0;
}

/* ---- break ---- */

struct answer {
    int64_t id;
};

static const struct json_field answer_fields[] = {
    JSON_I64(struct answer, id, "id", 0, 0x1p52, .doc = "The fault's number"),
    JSON_END,
};

static int kind_of(const char *word, struct error *err)
{
    char all[300];
    size_t used = 0;
    for (int i = 0; scenario_fault_words[i] != NULL; i++) {
        if (strcmp(scenario_fault_words[i], word) == 0)
            return i;
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i == 0 ? "" : ", ",
                                 scenario_fault_words[i]);
    }
    return error_set(err, ERR_UNKNOWN, "kind: expected one of %s; got \"%s\"", all, word);
}

static int take_number(double *out, const char *option, const char *text, struct error *err)
{
    char *end;
    if (text == NULL)
        return 0;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !(*out > 0 && *out <= 1e6))
        return error_set(err, ERR_RANGE, "--%s: expected a number above 0, got \"%s\"", option,
                         text);
    return 0;
}

static int take_time(int64_t *out, const char *option, const char *text, struct error *err)
{
    if (text == NULL || duration_parse(out, text, err) == 0)
        return 0;
    return error_prefix(err, "--%s", option);
}

/* Who asks, in characters that a path may have. */
static const char *by(char out[LEASE_WHO_MAX])
{
    const char *name = getenv("USER");
    if (name == NULL || name[0] == '\0')
        name = "unknown";
    snprintf(out, LEASE_WHO_MAX - 16, "%s", name);
    for (char *p = out; *p != '\0'; p++)
        *p = isalnum((unsigned char)*p) ? *p : '_';
    size_t len = strlen(out);
    snprintf(out + len, LEASE_WHO_MAX - len, "-%ld", (long)getpid());
    return out;
}

static int inject(const struct fault_options *o, const char *kind, const char *scope,
                  struct arena *a, struct error *err)
{
    char who[LEASE_WHO_MAX];
    struct ask_reply reply;
    struct answer answer;
    struct scenario_fault f = {.kind = kind_of(kind, err), .scope = scope};
    if (f.kind < 0 || take_time(&f.for_us, "for", o->duration, err) != 0 ||
        take_number(&f.factor, "factor", o->factor, err) != 0 ||
        take_number(&f.share, "share", o->share, err) != 0 ||
        take_time(&f.extra_us, "extra", o->extra, err) != 0)
        return -1;
    const char *body = json_encode(&f, scenario_fault_fields, a);
    const char *target = arena_format(a, "/faults?by=%s", by(who));
    if (body == NULL || target == NULL)
        return error_memory(err);
    if (ask(&reply, o->dir, "control.sock", "POST", target, body, ASK_MS, a, err) != 0 ||
        json_decode(&answer, sizeof answer, answer_fields, reply.body, reply.len, NULL, 0, a,
                    err) != 0)
        return -1;
    printf("fault %lld: %s at %s, ends by itself in %s\n", (long long)answer.id, kind, scope,
           o->duration);
    return 0;
}

static void tell_kinds(void)
{
    static const struct scenario_fault none = {0};
    printf("\n");
    for (int i = 0; scenario_fault_words[i] != NULL; i++) {
        char with[SCENARIO_FAULT_TEXT];
        struct scenario_fault f = none;
        f.kind = i;
        scenario_fault_preset(&f);
        scenario_fault_words_of(with, &f);
        printf("  %-13s %-34s %-21s %s\n", scenario_fault_words[i], scenario_fault_takes(i), with,
               scenario_fault_does(i));
    }
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
    if (status == EXIT_YES) /* it was --help */
        tell_kinds();
    if (status >= 0)
        return status;
    if (args == 0)
        return finish(list(o.dir, &a, &err), &a, &err);
    if (args == 1)
        return cli_misuse(&fault_command, "%s: the scope is missing, as in zone-down de/a",
                          argv[1]);
    return finish(inject(&o, argv[1], argv[2], &a, &err), &a, &err);
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
    "A fault is a lease: it ends by itself, whatever becomes of who asked, of control and of the\n"
    "agents. Kinds, scopes and parameters are those of scenarios, listed below with presets. A "
    "store\n"
    "is named by its service, as de/catalog. surge and poison are felt by bulkhead load --state.",
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
