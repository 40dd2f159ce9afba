/* http_reference.h - a second reader of HTTP/1.1 requests, as plain as can be: all bytes are there,
 * nothing is clever, and everything that is not of the one plain form is refused. What it accepts
 * and what the parser accepts must be the same. */
#ifndef TESTS_WIRE_HTTP_REFERENCE_H
#define TESTS_WIRE_HTTP_REFERENCE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { REFERENCE_REQUESTS = 8, REFERENCE_BODY = 512 };

enum reference_end { REFERENCE_WHOLE, REFERENCE_CUT, REFERENCE_BAD };

struct reference_request {
    char target[128];
    char body[REFERENCE_BODY];
    size_t body_len;
};

struct reference {
    struct reference_request requests[REFERENCE_REQUESTS];
    int count;
    enum reference_end end; /* behind the last of them */
};

static inline bool reference_token(const char *at, size_t len)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < len; i++)
        if (at[i] == '\0' || strchr(allowed, at[i]) == NULL)
            return false;
    return len > 0;
}

/* A name or address with a port or without. In brackets it is not in what is compared. */
static inline bool reference_host(const char *at, size_t len)
{
    static const char allowed[] = "-._~!$&'()*+,;=%0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t colon = len;
    for (size_t i = 0; i < len; i++) {
        if (at[i] == ':' && colon == len)
            colon = i;
        else if (at[i] == '\0' || strchr(colon < len ? "0123456789" : allowed, at[i]) == NULL)
            return false;
    }
    return len == 0 || colon > 0;
}

struct reference_head {
    int hosts, lengths, codings;
    size_t length;
    bool http_1_0, close, keep_alive, bad;
};

static inline void reference_header(struct reference_head *h, const char *name, size_t name_len,
                                    const char *value, size_t len)
{
    h->bad = h->bad || !reference_token(name, name_len);
    if (name_len == 4 && strncasecmp(name, "host", 4) == 0) {
        h->hosts++;
        h->bad = h->bad || !reference_host(value, len);
    }
    if (name_len == 6 && strncasecmp(name, "expect", 6) == 0)
        h->bad = true; /* not in what is compared */
    if (name_len == 14 && strncasecmp(name, "content-length", 14) == 0) {
        h->lengths++;
        h->length = 0;
        h->bad = h->bad || len == 0 || len > 4;
        for (size_t i = 0; i < len && !h->bad; i++) {
            h->bad = value[i] < '0' || value[i] > '9';
            h->length = h->length * 10 + (size_t)(value[i] - '0');
        }
    }
    if (name_len == 17 && strncasecmp(name, "transfer-encoding", 17) == 0) {
        h->codings++;
        h->bad = h->bad || len != 7 || strncasecmp(value, "chunked", 7) != 0;
    }
    if (name_len == 10 && strncasecmp(name, "connection", 10) == 0) {
        h->close = h->close || (len == 5 && strncasecmp(value, "close", 5) == 0);
        h->keep_alive = h->keep_alive || (len == 10 && strncasecmp(value, "keep-alive", 10) == 0);
    }
}

/* A line without its CR LF: NULL when it is not there, or `*bad` when it is no proper line. */
static inline const char *reference_line(const char **at, const char *end, size_t *len, bool *bad)
{
    const char *start = *at;
    for (const char *c = start; c < end; c++) {
        if (*c == '\r' && c + 1 == end)
            return NULL;
        if (*c == '\r' && c[1] == '\n') {
            *len = (size_t)(c - start);
            *at = c + 2;
            return start;
        }
        if ((unsigned char)*c == 0x7f || ((unsigned char)*c < ' ' && *c != '\t')) {
            *bad = true;
            return NULL;
        }
    }
    return NULL;
}

static inline bool reference_request_line(struct reference_head *h, char *target,
                                          size_t target_size, const char *line, size_t len)
{
    static const char *const methods[] = {"GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE "};
    size_t method = 0;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (len > strlen(methods[i]) && memcmp(line, methods[i], strlen(methods[i])) == 0)
            method = strlen(methods[i]);
    if (method == 0 || len < method + 10)
        return false;
    const char *version = line + len - 9;
    if (memcmp(version, " HTTP/1.", 8) != 0 || (version[8] != '0' && version[8] != '1'))
        return false;
    h->http_1_0 = version[8] == '0';
    size_t n = (size_t)(version - line) - method;
    const char *path = line + method;
    if (n > 7 && strncasecmp(path, "http://", 7) == 0) {
        size_t host = 0;
        while (7 + host < n && strchr("/?#", path[7 + host]) == NULL)
            host++;
        if (host == 0 || path[7] == '[' || !reference_host(path + 7, host))
            return false;
        path += 7 + host;
        n -= 7 + host;
        target[0] = '/';
        if (n == 0 || path[0] != '/') {
            target++;
            target_size--;
        }
    } else if (path[0] != '/') {
        return false;
    }
    if (n >= target_size)
        return false;
    memcpy(target, path, n);
    target[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (target[i] <= ' ' || target[i] > '~' || target[i] == '#' || target[i] == '%')
            return false; /* %xx is not in what is compared */
    return true;
}

static inline enum reference_end reference_chunks(struct reference_request *r, const char **at,
                                                  const char *end)
{
    static const char digits[] = "0123456789abcdef";
    for (;;) {
        bool bad = false;
        size_t len;
        size_t size = 0;
        const char *line = reference_line(at, end, &len, &bad);
        if (line == NULL)
            return bad ? REFERENCE_BAD : REFERENCE_CUT;
        if (len == 0 || len > 15)
            return REFERENCE_BAD;
        for (size_t i = 0; i < len; i++) {
            const char *digit = strchr(digits, line[i] | 0x20);
            if (digit == NULL || line[i] < '0' || size > 0xffff)
                return REFERENCE_BAD;
            size = size * 16 + (size_t)(digit - digits);
        }
        if (size == 0)
            break;
        if ((size_t)(end - *at) < size)
            return REFERENCE_CUT;
        if (r->body_len + size > sizeof r->body)
            return REFERENCE_BAD;
        memcpy(r->body + r->body_len, *at, size);
        r->body_len += size;
        *at += size;
        if (end - *at >= 1 && **at != '\r')
            return REFERENCE_BAD;
        if (end - *at < 2)
            return REFERENCE_CUT;
        if ((*at)[1] != '\n')
            return REFERENCE_BAD;
        *at += 2;
    }
    if (end - *at >= 1 && **at != '\r')
        return REFERENCE_BAD;
    if (end - *at < 2)
        return REFERENCE_CUT;
    if ((*at)[1] != '\n')
        return REFERENCE_BAD;
    *at += 2;
    return REFERENCE_WHOLE;
}

static inline enum reference_end reference_one(struct reference_request *r, const char **at,
                                               const char *end, bool *close)
{
    struct reference_head h = {0};
    bool bad = false;
    size_t len = 0;
    const char *line;
    do /* empty lines in front are nothing */
        line = reference_line(at, end, &len, &bad);
    while (line != NULL && len == 0);
    if (line == NULL)
        return bad ? REFERENCE_BAD : REFERENCE_CUT;
    if (!reference_request_line(&h, r->target, sizeof r->target, line, len))
        return REFERENCE_BAD;
    for (;;) {
        line = reference_line(at, end, &len, &bad);
        if (line == NULL)
            return bad ? REFERENCE_BAD : REFERENCE_CUT;
        if (len == 0)
            break;
        const char *colon = memchr(line, ':', len);
        if (colon == NULL || line[0] == ' ' || line[0] == '\t')
            return REFERENCE_BAD;
        const char *value = colon + 1;
        const char *stop = line + len;
        while (value < stop && (*value == ' ' || *value == '\t'))
            value++;
        /* Stricter than it has to be: no tab behind what frames a body. */
        if (((size_t)(colon - line) == 14 && strncasecmp(line, "content-length", 14) == 0) ||
            ((size_t)(colon - line) == 17 && strncasecmp(line, "transfer-encoding", 17) == 0))
            h.bad = h.bad || stop[-1] == '\t';
        while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        reference_header(&h, line, (size_t)(colon - line), value, (size_t)(stop - value));
    }
    if (h.bad || h.hosts > 1 || (h.hosts == 0 && !h.http_1_0) || h.lengths > 1 || h.codings > 1 ||
        (h.lengths > 0 && h.codings > 0) || (h.codings > 0 && h.http_1_0))
        return REFERENCE_BAD;
    *close = h.close || (h.http_1_0 && !h.keep_alive);
    if (h.codings > 0)
        return reference_chunks(r, at, end);
    if (h.length > sizeof r->body)
        return REFERENCE_BAD;
    if ((size_t)(end - *at) < h.length)
        return REFERENCE_CUT;
    memcpy(r->body, *at, h.length);
    r->body_len = h.length;
    *at += h.length;
    return REFERENCE_WHOLE;
}

static inline void reference_read(struct reference *ref, const char *data, size_t len)
{
    const char *at = data;
    memset(ref, 0, sizeof *ref);
    while (at < data + len && ref->count < REFERENCE_REQUESTS) {
        bool close = false;
        ref->end = reference_one(&ref->requests[ref->count], &at, data + len, &close);
        if (ref->end != REFERENCE_WHOLE)
            return;
        ref->count++;
        if (close)
            return;
    }
}

#endif
