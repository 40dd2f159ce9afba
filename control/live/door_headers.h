/* door_headers.h - which headers pass the door, and the key that a write gets there. */
#ifndef CONTROL_LIVE_DOOR_HEADERS_H
#define CONTROL_LIVE_DOOR_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/http.h"

#define DOOR_FORWARDS "Max-Forwards"

enum {
    DOOR_KEY_TEXT = 33, /* 128 bits in hex */
    DOOR_LUCK_BYTES = 256,
};

/* Copy what goes on to the other side, where Host, Content-Length, Time-Left (base/deadline.h) and
 * Max-Forwards are written anew: not what a Connection header names. The fixed list of what else is
 * about a connection wire/http.h leaves out by itself. Returns how many. */
size_t door_headers_pass(struct http_header to[HTTP_HEADERS_MAX], const struct http_header *headers,
                         size_t count);

/* Whether this is a write without an Idempotency-Key. */
bool door_headers_want_key(const char *method, const struct http_header *headers, size_t count);

/* How often an OPTIONS may be passed on: the number in Max-Forwards, or INT64_MAX without one; of
 * other methods the header says nothing (RFC 9110, 7.6.2). -1: it is no number. */
int64_t door_headers_forwards(const char *method, const char *max_forwards);

struct door_luck { /* random bytes of the kernel, by the handful; all zero has none yet */
    unsigned char byte[DOOR_LUCK_BYTES];
    size_t left;
};

/* Take `len` <= DOOR_LUCK_BYTES of them, which nobody gets again. */
void door_luck_take(struct door_luck *l, void *out, size_t len);

/* A new key. */
void door_luck_key(struct door_luck *l, char key[DOOR_KEY_TEXT]);

#endif
