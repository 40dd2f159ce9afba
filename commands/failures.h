/* failures.h - why requests failed, in the words of who refused them: each reason once, with how
 * many there were and when the first was. */
#ifndef COMMANDS_FAILURES_H
#define COMMANDS_FAILURES_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "wire/load.h"

enum { FAILURES_MAX = 12, FAILURES_WHY_MAX = 240 };

struct failure {
    char text[FAILURES_WHY_MAX];
    const char *why; /* `text` */
    int64_t count;
    double first_s; /* the planned time of the first, from the beginning of the run */
};

struct failures { /* all zero: none */
    struct failure reason[FAILURES_MAX];
    size_t count;
    int64_t others; /* of reasons that came when the table was full */
};

/* The table of struct failure. */
extern const struct json_field failure_fields[];

/* Note what became of a request; nothing when it went well. Reasons that differ only in their
 * numbers are one, with the first's numbers. `reply` may be NULL. */
void failures_note(struct failures *f, const struct load_request *r, enum load_outcome outcome,
                   const struct http_reply *reply);

#endif
