/* reasons.h - what doors have switched off, in words, and what is new in it. Pure. */
#ifndef CONTROL_REASONS_H
#define CONTROL_REASONS_H

#include <stdbool.h>

struct status_door;
struct status_reason;

enum { REASONS_WORDS_MAX = 240 };

/* "de/b: catalog is left out", or when it is `over` "de/b: catalog takes part again". */
void reasons_say(const struct status_reason *r, bool over, char out[REASONS_WORDS_MAX]);

/* Call `news` with a sentence for each reason that has begun or ended between two statuses of a
 * door; `before` may be NULL. Those of a zone that begin or end together are one sentence. */
void reasons_compare(const struct status_door *before, const struct status_door *now,
                     void (*news)(void *context, const char *text), void *context);

/* How a request was given up: "the retry budget was spent". */
const char *reasons_rule(int rule);

#endif
