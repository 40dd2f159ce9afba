/* http_format.h - HTTP/1.1 messages into bytes.
 *
 * Nothing that was handed in can end a line or a message: names are tokens, values are free of
 * control characters, and the headers that frame a message are written here only. */
#ifndef WIRE_HTTP_FORMAT_H
#define WIRE_HTTP_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/bytes.h"
#include "wire/http.h"

struct http_date { /* the Date header of this second, all zero at first */
    int64_t at_s;
    char line[48];
};

/* What of an answer does not come from its handler. */
struct http_manner {
    struct http_date *date;
    bool close;      /* the connection ends behind it */
    bool keep_alive; /* say so, to HTTP/1.0 */
    bool bodiless;   /* it answers a HEAD */
};

enum http_format { HTTP_FORMAT_OK, HTTP_FORMAT_BAD, HTTP_FORMAT_MEMORY };

/* Append an answer or a request. When it is not OK, nothing has been appended: BAD is a header, a
 * method or a target that cannot be sent. */
enum http_format http_format_answer(struct bytes *out, const struct http_manner *manner, int status,
                                    const char *content_type, const struct http_header *more,
                                    size_t more_count, const void *body, size_t len);
enum http_format http_format_request(struct bytes *out, const char *method, const char *target,
                                     const char *host, const struct http_header *headers,
                                     size_t header_count, const void *body, size_t len);

/* Append a problem document (RFC 9457). `detail` is any bytes, or NULL. False: no memory. */
bool http_format_problem(struct bytes *out, int status, const char *detail, const char *more);

/* "Not Found" for 404; "Status" for what has no name. */
const char *http_status_text(int status);

#endif
