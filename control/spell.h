/* spell.h - a stretch of time in which something happened again and again.
 *
 * A budget that is spent has a token now and then, which goes at once, so a look at the budget
 * alone would see retries go off and on many times a second. It is one spell until nothing was
 * refused for a while, long enough that who looks now and then does not miss it. No clock. */
#ifndef CONTROL_SPELL_H
#define CONTROL_SPELL_H

#include <stdbool.h>
#include <stdint.h>

enum { SPELL_OVER_US = 3000000 };

struct spell { /* all zero: it has never happened */
    int64_t since_us, last_us;
    uint64_t count; /* in this spell */
};

static inline bool spell_on(const struct spell *s, int64_t now_us)
{
    return s->count > 0 && now_us - s->last_us < SPELL_OVER_US;
}

/* It happens now. */
static inline void spell_note(struct spell *s, int64_t now_us)
{
    if (!spell_on(s, now_us))
        *s = (struct spell){.since_us = now_us};
    s->last_us = now_us;
    s->count++;
}

#endif
