/* http_parse.h - HTTP/1.1 messages out of a stream of bytes, in pieces of any size.
 *
 * llhttp reads the grammar. In front of it stands a guard that finds the end of the head by itself
 * and allows what can be read in one way only; behind it, checks of the headers that frame the
 * body. Where guard and llhttp disagree about the end of a head, the message is refused. */
#ifndef WIRE_HTTP_PARSE_H
#define WIRE_HTTP_PARSE_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/http_message.h"

enum http_step {
    HTTP_STEP_MORE, /* all bytes are used up and the message is not whole */
    HTTP_STEP_HEAD, /* the head is whole and a body follows; said once */
    HTTP_STEP_DONE, /* the message is whole; what is left belongs to the next */
    HTTP_STEP_BAD   /* `status` and `why` say what is wrong; the stream is lost */
};

struct http_parser { /* fields but status and why are private to http_parse.c */
    llhttp_t llhttp;
    struct http_message *message;
    size_t head_bytes_max, body_bytes_max;
    size_t head_bytes, body_bytes;
    size_t line_bytes;
    uint8_t phase;
    bool cr, started, first_line_done, head_done, done;
    bool bodiless; /* the reply to a HEAD, or one whose status has none */
    bool has_length, has_coding;
    bool says_close, says_keep_alive;
    uint8_t host_count;
    int status; /* to answer: 400, 405, 413, 414, 417, 431, 501 or 505 */
    const char *why;
};

enum http_kind { HTTP_KIND_REQUEST, HTTP_KIND_REPLY };

void http_parser_init(struct http_parser *p, enum http_kind kind, size_t head_bytes_max,
                      size_t body_bytes_max);

/* Be ready for the next message. `bodiless`: it is the reply to a HEAD. */
void http_parser_next(struct http_parser *p, bool bodiless);

/* Take bytes of one message into `m`, the same `m` until it is done. `*used` of them were taken. */
enum http_step http_parser_take(struct http_parser *p, struct http_message *m, const char *data,
                                size_t len, size_t *used);

/* The stream has ended. DONE for a reply that lasts until then, or else BAD. */
enum http_step http_parser_end(struct http_parser *p, struct http_message *m);

/* A byte of the message has come; an empty line before it is none. */
bool http_parser_begun(const struct http_parser *p);

/* The head is whole. */
bool http_parser_in_body(const struct http_parser *p);

#endif
