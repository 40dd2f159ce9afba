/* http_message.h - a request or a reply that came, and the words it may be made of. */
#ifndef WIRE_HTTP_MESSAGE_H
#define WIRE_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/bytes.h"
#include "wire/http.h"

struct http_message {  /* all zero is an empty one */
    struct bytes text; /* target, NUL, then name, NUL, value, NUL for each header */
    struct bytes body; /* a NUL behind, not counted in len, once whole */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    size_t target_at; /* in `text`: behind scheme and authority, where those were sent */
    const char *method;
    int status; /* of a reply */
    bool http_1_0;
    bool keep_alive;
    bool expects_continue;
};

/* Empty and wiped again, or that and without storage. */
void http_message_clear(struct http_message *m);
void http_message_release(struct http_message *m);

/* The value of the first header of that name, in any case; NULL: none. */
const char *http_message_header(const struct http_message *m, const char *name);

/* A name of a header or a method. */
bool http_token_ok(const char *text);

/* A Host, of `len` bytes: a name, an address or one in brackets, with a port or without; or none.
 */
bool http_host_ok(const char *host, size_t len);

/* Path and query as we take and send them: see http_target. */
bool http_target_ok(const char *target, const char *method);

#endif
