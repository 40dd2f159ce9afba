/* target.h - what a request asks for: its target and headers, read strictly.
 *
 *     /de/items/de-i-85099B
 *     /de/orders?customer=de-c-12345&after=de-o-...&limit=20
 *
 * Whoever sends a parameter that we do not know means something that we do not do: it is refused.
 */
#ifndef REGION_TARGET_H
#define REGION_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "region/ids.h"

struct error;

enum {
    TARGET_NAME_TEXT = 24,
    TARGET_WORDS_TEXT = 257,
    TARGET_LIMIT_MAX = 1000,
    TARGET_LIMIT_PRESET = 100,
};

struct target {
    char country[3];             /* two small letters; "" in "/health" */
    char name[TARGET_NAME_TEXT]; /* "items", "health" */
    char id[ID_TEXT];            /* "" for the whole collection; not yet checked to be an id */
    char after[ID_TEXT];         /* parameters; "" when not given, and ids as above */
    char customer[ID_TEXT];
    char words[TARGET_WORDS_TEXT]; /* of q; UTF-8 */
    int64_t limit;                 /* 1..TARGET_LIMIT_MAX */
    bool plain;                    /* no parameters at all */
};

/* Read `text`, printable ASCII as HTTP has it. 0, or -1 with `err` set: ERR_UNKNOWN when no path
 * of ours looks so, other codes when it is the parameters. */
int target_parse(struct target *out, const char *text, struct error *err);

/* Whether `header`, an If-None-Match, names the entity tag `etag`, which has its quotes. */
bool target_names_etag(const char *header, const char *etag);

/* Whether `header`, a Content-Type, is JSON. */
bool target_is_json(const char *header);

/* Whether `header`, a Priority, says that no user waits: its urgency u is 7, which RFC 9218
 * (section 4.1) keeps for background tasks. What is not well formed says nothing. */
bool target_is_background(const char *header);

#endif
