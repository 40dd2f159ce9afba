#include "commands/failures.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/problem.h"

const struct json_field failure_fields[] = {
    JSON_STR(struct failure, why, "why", .doc = "The outcome, and the words of who refused"),
    JSON_I64(struct failure, count, "count", 0, 0, .doc = "So many"),
    JSON_F64(struct failure, first_s, "first_s", 0, 0,
             .doc = "When the first was planned, from the first request"),
    JSON_END,
};

static bool is_number(char c)
{
    return isdigit((unsigned char)c) || c == '.';
}

/* The same but for their numbers. */
static bool alike(const char *a, const char *b)
{
    for (;;) {
        while (is_number(*a))
            a++;
        while (is_number(*b))
            b++;
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

static void say(char out[FAILURES_WHY_MAX], enum load_outcome outcome,
                const struct http_reply *reply)
{
    if (reply == NULL || reply->status == 0) {
        snprintf(out, FAILURES_WHY_MAX, "%s", load_outcome_words[outcome]);
        return;
    }
    struct arena a = {0};
    const char *detail = problem_detail(reply->body, reply->len, &a);
    snprintf(out, FAILURES_WHY_MAX, "%d%s%s", reply->status, detail == NULL ? "" : " ",
             detail == NULL ? "" : detail);
    arena_release(&a);
}

void failures_note(struct failures *f, const struct load_request *r, enum load_outcome outcome,
                   const struct http_reply *reply)
{
    char why[FAILURES_WHY_MAX];
    if (outcome == LOAD_OK)
        return;
    say(why, outcome, reply);
    for (size_t i = 0; i < f->count; i++)
        if (alike(f->reason[i].text, why)) {
            f->reason[i].count++;
            return;
        }
    if (f->count == FAILURES_MAX) {
        f->others++;
        return;
    }
    struct failure *reason = &f->reason[f->count++];
    *reason = (struct failure){.count = 1, .first_s = (double)r->at_us / 1e6};
    snprintf(reason->text, sizeof reason->text, "%s", why);
    reason->why = reason->text;
}
