#include "control/reasons.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "control/status.h"

static const struct {
    const char *begun, *over;
} words[] = {
    [STATUS_LEFT_OUT] = {"is left out", "takes part again"},
    [STATUS_TAKEN_OUT] = {"is taken out", "is back"},
    [STATUS_PANIC] = {"failures are ignored", "failures count again"},
    [STATUS_RETRIES_OFF] = {"retries are off", "retries are on again"},
    [STATUS_COPIES_OFF] = {"second copies are off", "second copies are on again"},
    [STATUS_BREAKER] = {"requests are refused", "no requests are refused any more"},
};

static void say(const struct status_reason *r, size_t more, bool over, char *out, size_t size)
{
    char others[48] = "";
    bool is_replica = r->what == STATUS_LEFT_OUT || r->what == STATUS_TAKEN_OUT;
    if (more > 0)
        snprintf(others, sizeof others, " (and %zu more)", more);
    snprintf(out, size, "%s%s%s: %s%s%s%s", r->cell, r->zone[0] == '\0' ? "" : "/", r->zone,
             r->service, others,
             r->service[0] == '\0' ? ""
             : is_replica          ? " "
                                   : ": ",
             over ? words[r->what].over : words[r->what].begun);
}

void reasons_say(const struct status_reason *r, bool over, char out[REASONS_WORDS_MAX])
{
    say(r, 0, over, out, REASONS_WORDS_MAX);
}

/* ---- news ---- */

static bool same_place(const struct status_reason *a, const struct status_reason *b)
{
    return a->what == b->what && strcmp(a->cell, b->cell) == 0 && strcmp(a->zone, b->zone) == 0;
}

static bool has(const struct status_door *d, const struct status_reason *r)
{
    for (size_t i = 0; d != NULL && i < d->reason_count; i++)
        if (same_place(&d->reasons[i], r) && strcmp(d->reasons[i].service, r->service) == 0)
            return true;
    return false;
}

/* Those of `in` that `other` has not. */
static void tell(const struct status_door *in, const struct status_door *other, bool over,
                 void (*news)(void *context, const char *text), void *context)
{
    char head[REASONS_WORDS_MAX], text[2 * REASONS_WORDS_MAX];
    for (size_t i = 0; i < in->reason_count; i++) {
        const struct status_reason *r = &in->reasons[i];
        size_t more = 0;
        bool told = has(other, r);
        for (size_t k = 0; k < i && !told; k++)
            told = same_place(&in->reasons[k], r) && !has(other, &in->reasons[k]);
        if (told)
            continue;
        for (size_t k = i + 1; k < in->reason_count; k++)
            more += same_place(&in->reasons[k], r) && !has(other, &in->reasons[k]);
        say(r, more, over, head, sizeof head);
        snprintf(text, sizeof text, "%s%s%s", head, over ? "" : ": ", over ? "" : r->why);
        news(context, text);
    }
}

void reasons_compare(const struct status_door *before, const struct status_door *now,
                     void (*news)(void *context, const char *text), void *context)
{
    tell(now, before, false, news, context);
    if (before != NULL)
        tell(before, now, true, news, context);
}

/* ---- losses ---- */

const char *reasons_rule(int rule)
{
    static const char *const rules[STATUS_RULES] = {
        [STATUS_BY_TRIES] = "all tries were used up",
        [STATUS_BY_BUDGET] = "the retry budget was spent",
        [STATUS_BY_DEADLINE] = "nobody waited longer",
        [STATUS_BY_BREAKER] = "the breaker refused",
        [STATUS_BY_NOBODY] = "there was no replica",
        [STATUS_BY_ANSWER] = "the answer is not tried again",
        [STATUS_BY_UNSENT] = "it could not be sent",
        [STATUS_BY_FULL] = "the door had too much under way",
        [STATUS_BY_CLOSING] = "the door closed",
        [STATUS_BY_COUNTRIES] = "no country answered",
    };
    return rules[rule];
}
