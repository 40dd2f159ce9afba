/* http_seen.h - what the parser makes of bytes that came as requests, to be compared with what the
 * plain reader makes of them. */
#ifndef TESTS_WIRE_HTTP_SEEN_H
#define TESTS_WIRE_HTTP_SEEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/wire/http_reference.h"
#include "wire/http_parse.h"

enum { SEEN_HEAD_MAX = 2048 };

struct seen {
    struct reference_request requests[REFERENCE_REQUESTS];
    int count;
    int status; /* of the refusal, 0: none */
    bool cut;   /* within a message */
};

/* Parse as a server would, in two pieces cut at `split`, or byte by byte when it is 0. */
static inline void seen_parse(struct seen *seen, const char *data, size_t len, size_t split)
{
    static struct http_message m;
    struct http_parser p;
    size_t at = 0;
    memset(seen, 0, sizeof *seen);
    http_parser_init(&p, HTTP_KIND_REQUEST, SEEN_HEAD_MAX, REFERENCE_BODY);
    http_message_clear(&m);
    while (at < len && seen->count < REFERENCE_REQUESTS) {
        size_t used;
        size_t piece = split == 0 ? 1 : at < split ? split - at : len - at;
        enum http_step step = http_parser_take(&p, &m, data + at, piece, &used);
        assert_true(used <= piece);
        at += used;
        if (step == HTTP_STEP_BAD) {
            seen->status = p.status;
            break;
        }
        if (step != HTTP_STEP_DONE)
            continue;
        struct reference_request *r = &seen->requests[seen->count++];
        snprintf(r->target, sizeof r->target, "%s", m.text.data + m.target_at);
        r->body_len = m.body.len;
        memcpy(r->body, m.body.data, m.body.len);
        bool keep_alive = m.keep_alive;
        http_parser_next(&p, false);
        http_message_clear(&m);
        if (!keep_alive)
            break;
    }
    seen->cut = http_parser_begun(&p) && seen->status == 0;
    http_message_release(&m);
}

#endif
