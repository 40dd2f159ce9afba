/* misdirect.h - 421: what was asked is for another cell to answer.
 *
 * The answer bears the version of the partition map that lies in the state folder, as the header
 * Map-Version and as the member map_version of its body, so that a smart client knows whether its
 * own is the stale one. 0, the topology's own, while there is none. */
#ifndef REGION_LIVE_MISDIRECT_H
#define REGION_LIVE_MISDIRECT_H

#include <stdint.h>

#include "wire/text_file.h"

struct arena;
struct http_exchange;
struct layout;
struct service;

struct misdirect { /* fields are private to misdirect.c */
    const char *path;
    struct text_file_stamp stamp;
    int64_t version;
};

/* 0, or -1 when memory is out. `path` is the arena's. */
int misdirect_init(struct misdirect *m, const struct layout *l, struct arena *a);

/* Answer `x`. */
void misdirect_answer(struct service *s, struct http_exchange *x, const char *sentence);

#endif
