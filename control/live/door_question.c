#include "control/live/door_question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/error.h"
#include "control/live/door_scatter.h"

enum { LIMIT_PRESET = 10, LIMIT_MAX = 100, WITHIN_MIN_US = 1000 };

static int take_number(struct door_question *q, const char *text, size_t len, struct error *err)
{
    q->limit =
        len > 0 && len < 4 && strspn(text, "0123456789") >= len ? strtoll(text, NULL, 10) : 0;
    return q->limit >= 1 && q->limit <= LIMIT_MAX
               ? 0
               : error_set(err, ERR_RANGE, "limit: expected 1..%d, got \"%.*s\"", LIMIT_MAX,
                           (int)(len < 40 ? len : 40), text);
}

static int take_within(struct door_question *q, const char *text, size_t len, struct error *err)
{
    char value[32];
    snprintf(value, sizeof value, "%.*s", (int)len, text);
    if (duration_parse(&q->within_us, value, err) != 0)
        return error_prefix(err, "within");
    return q->within_us >= WITHIN_MIN_US && q->within_us <= DOOR_SCATTER_WITHIN_MAX_US
               ? 0
               : error_set(err, ERR_RANGE, "within: expected 1ms..10s, got \"%s\"", value);
}

static int take_parameter(struct door_question *q, const char *name, size_t name_len,
                          const char *text, size_t len, struct error *err)
{
    if (name_len == 1 && name[0] == 'q') {
        q->words = text;
        q->words_len = len;
        return len > 0 && len <= DOOR_SCATTER_WORDS_MAX
                   ? 0
                   : error_set(err, ERR_RANGE, "q: expected 1..%d bytes, got %zu",
                               DOOR_SCATTER_WORDS_MAX, len);
    }
    if (name_len == 9 && memcmp(name, "countries", 9) == 0) {
        q->countries = text;
        q->countries_len = len;
        return 0;
    }
    if (name_len == 5 && memcmp(name, "limit", 5) == 0)
        return take_number(q, text, len, err);
    if (name_len == 6 && memcmp(name, "within", 6) == 0)
        return take_within(q, text, len, err);
    return error_set(err, ERR_UNKNOWN,
                     "expected /items?q=WORDS&countries=gb,de&limit=N&within=300ms, got \"%.*s\"",
                     (int)(name_len < 40 ? name_len : 40), name);
}

int door_question_take(struct door_question *q, const char *target, int64_t timeout_us,
                       struct error *err)
{
    *q = (struct door_question){.limit = LIMIT_PRESET, .within_us = timeout_us};
    if (q->within_us > DOOR_SCATTER_WITHIN_MAX_US)
        q->within_us = DOOR_SCATTER_WITHIN_MAX_US;
    const char *at = strchr(target, '?');
    while (at != NULL && *++at != '\0') {
        size_t len = strcspn(at, "&"), name = strcspn(at, "=&");
        const char *value = at + (name < len ? name + 1 : name);
        if (take_parameter(q, at, name, value, (size_t)(at + len - value), err) != 0)
            return -1;
        at = at[len] == '&' ? at + len : NULL;
    }
    return q->words == NULL ? error_set(err, ERR_MISSING, "q is missing: what to search for") : 0;
}
