/* door_question.h - what a question to many countries asks for: the query of GET /items, for which
 * control/live/door_scatter.h has the words. */
#ifndef CONTROL_LIVE_DOOR_QUESTION_H
#define CONTROL_LIVE_DOOR_QUESTION_H

#include <stddef.h>
#include <stdint.h>

struct error;

struct door_question {             /* texts point into the target */
    const char *words, *countries; /* countries NULL: all */
    size_t words_len, countries_len;
    int64_t limit, within_us;
};

/* Read it from a target; `timeout_us` is the policy's. 0, or -1 with `err` set. */
int door_question_take(struct door_question *q, const char *target, int64_t timeout_us,
                       struct error *err);

#endif
