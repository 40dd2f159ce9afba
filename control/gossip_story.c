#include "control/gossip_story.h"

#include <stdio.h>
#include <string.h>

#include "base/duration.h"

/* In each form %m is the member, %b the other one, %c the count, %t the time. */
static const char *const forms[GOSSIP_EVENTS] = {
    [GOSSIP_MEETS] = "meet %m",
    [GOSSIP_ASKS] = "ask about %m (no ack, %c asked)",
    [GOSSIP_SUSPECTS] = "suspect %m (no ack, %c asked)",
    [GOSSIP_HEARS] = "suspect %m (says %b)",
    [GOSSIP_AGREES] = "two zones suspect %m (also %b)",
    [GOSSIP_CONTRADICTS] = "contradict (incarnation %c)",
    [GOSSIP_TRUSTS] = "trust %m (incarnation %c)",
    [GOSSIP_BURIES] = "dead %m (suspect for %t)",
    [GOSSIP_MOURNS] = "dead %m (hearsay)",
    [GOSSIP_RETURNS] = "back %m (incarnation %c)",
    [GOSSIP_GOES] = "gone %m",
    [GOSSIP_WAKES] = "late by %t",
    [GOSSIP_JOINED] = "joined (%c members)",
};

static void append(char out[GOSSIP_STORY_MAX], const char *text, size_t len)
{
    size_t used = strlen(out);
    if (len > GOSSIP_STORY_MAX - 1 - used)
        len = GOSSIP_STORY_MAX - 1 - used;
    memcpy(out + used, text, len);
    out[used + len] = '\0';
}

void gossip_story(char out[GOSSIP_STORY_MAX], const struct gossip_record *r,
                  const char *(*name)(void *context, uint16_t member), void *context)
{
    char number[16], time[DURATION_TEXT_MAX];
    snprintf(number, sizeof number, "%lu", (unsigned long)r->count);
    duration_format(time, r->us / 1000 * 1000);
    snprintf(out, GOSSIP_STORY_MAX, "[%4lldms] %s > ", (long long)(r->now_us / 1000),
             name(context, r->self));
    for (const char *form = forms[r->event]; *form != '\0';) {
        size_t plain = strcspn(form, "%");
        append(out, form, plain);
        form += plain;
        if (*form == '\0')
            break;
        const char *word = form[1] == 'm'   ? name(context, r->member)
                           : form[1] == 'b' ? name(context, r->by)
                           : form[1] == 'c' ? number
                                            : time;
        append(out, word, strlen(word));
        form += 2;
    }
}
