#include "wire/http_format.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "wire/http_message.h"

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return rows[i].text;
    return "Status";
}

/* ---- what may be sent ---- */

static bool value_ok(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* Headers about one connection, which are ours to write and end here when they are passed on. */
static bool is_hop(const char *name)
{
    static const char *const hops[] = {"connection", "keep-alive", "transfer-encoding",
                                       "te",         "trailer",    "content-length",
                                       "upgrade",    "expect",     "proxy-connection"};
    switch (name[0] | 0x20) { /* most names end here */
    case 'c':
    case 'e':
    case 'k':
    case 'p':
    case 't':
    case 'u':
        break;
    default:
        return false;
    }
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++)
        if (strcasecmp(name, hops[i]) == 0)
            return true;
    return false;
}

static bool add_line(struct bytes *out, const char *name, const char *value)
{
    size_t name_len = strlen(name);
    size_t value_len = strlen(value);
    if (!bytes_reserve(out, name_len + value_len + 4))
        return false;
    char *at = out->data + out->len;
    memcpy(at, name, name_len);
    memcpy(at + name_len, ": ", 2);
    memcpy(at + name_len + 2, value, value_len);
    memcpy(at + name_len + 2 + value_len, "\r\n", 2);
    out->len += name_len + value_len + 4;
    return true;
}

/* Append those headers that are not ours, nor have this name (NULL: none). */
static enum http_format add_headers(struct bytes *out, const struct http_header *headers,
                                    size_t count, const char *not_this)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = headers[i].name;
        if (!http_token_ok(name) || !value_ok(headers[i].value))
            return HTTP_FORMAT_BAD;
        if (is_hop(name) || (not_this != NULL && strcasecmp(name, not_this) == 0))
            continue;
        if (!add_line(out, name, headers[i].value))
            return HTTP_FORMAT_MEMORY;
    }
    return HTTP_FORMAT_OK;
}

static bool add_length(struct bytes *out, size_t len)
{
    return bytes_add_text(out, "Content-Length: ") && bytes_add_number(out, len) &&
           bytes_add(out, "\r\n", 2);
}

/* Take back what was appended when it did not work out. */
static enum http_format settle(struct bytes *out, size_t before, enum http_format result)
{
    if (result != HTTP_FORMAT_OK && out->len > before) {
        explicit_bzero(out->data + before, out->len - before);
        out->len = before;
    }
    return result;
}

/* ---- answers ---- */

/* Not strftime, which speaks the language of the locale. */
static const char *date_line(struct http_date *date)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm t;
    if (date->line[0] != '\0' && date->at_s == (int64_t)now)
        return date->line;
    if (gmtime_r(&now, &t) == NULL)
        return "";
    snprintf(date->line, sizeof date->line, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
             days + 3 * (t.tm_wday % 7), t.tm_mday % 100, months + 3 * (t.tm_mon % 12),
             (t.tm_year + 1900) % 10000, t.tm_hour % 100, t.tm_min % 100, t.tm_sec % 100);
    date->at_s = (int64_t)now;
    return date->line;
}

static bool has_header(const struct http_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, name) == 0)
            return true;
    return false;
}

static bool add_status(struct bytes *out, int status)
{
    if (status == 200)
        return bytes_add_text(out, "HTTP/1.1 200 OK\r\n");
    return bytes_add_text(out, "HTTP/1.1 ") && bytes_add_number(out, (size_t)status) &&
           bytes_add(out, " ", 1) && bytes_add_text(out, http_status_text(status)) &&
           bytes_add(out, "\r\n", 2);
}

enum http_format http_format_answer(struct bytes *out, const struct http_manner *manner, int status,
                                    const char *content_type, const struct http_header *more,
                                    size_t more_count, const void *body, size_t len)
{
    size_t before = out->len;
    bool has_length = status != 204 && status != 304 && !(manner->bodiless && len == SIZE_MAX);
    bool has_body = has_length && !manner->bodiless;
    assert(status >= 200 && status <= 599);
    if (content_type != NULL && !value_ok(content_type))
        return HTTP_FORMAT_BAD;
    if (!bytes_reserve(out, 256 + (has_body ? len : 0)) || !add_status(out, status) ||
        (content_type != NULL && !add_line(out, "Content-Type", content_type)) ||
        (has_length && !add_length(out, len)) ||
        (!has_header(more, more_count, "Date") && !bytes_add_text(out, date_line(manner->date))))
        return settle(out, before, HTTP_FORMAT_MEMORY);
    enum http_format result =
        add_headers(out, more, more_count, content_type != NULL ? "Content-Type" : NULL);
    if (result != HTTP_FORMAT_OK)
        return settle(out, before, result);
    bool ok = !manner->close ? !manner->keep_alive || add_line(out, "Connection", "keep-alive")
                             : add_line(out, "Connection", "close");
    ok = ok && bytes_add(out, "\r\n", 2) && (!has_body || bytes_add(out, body, len));
    return settle(out, before, ok ? HTTP_FORMAT_OK : HTTP_FORMAT_MEMORY);
}

/* ---- requests ---- */

enum http_format http_format_request(struct bytes *out, const char *method, const char *target,
                                     const char *host, const struct http_header *headers,
                                     size_t header_count, const void *body, size_t len)
{
    size_t before = out->len;
    bool has_length = len > 0 || method[0] == 'P'; /* POST, PUT and PATCH, empty ones as well */
    if (!http_token_ok(method) || !http_target_ok(target, method) ||
        header_count > HTTP_HEADERS_MAX - 2)
        return HTTP_FORMAT_BAD;
    bool ok = bytes_reserve(out, 256 + len) && bytes_add_text(out, method) &&
              bytes_add(out, " ", 1) && bytes_add_text(out, target) &&
              bytes_add_text(out, " HTTP/1.1\r\n") && add_line(out, "Host", host) &&
              (!has_length || add_length(out, len));
    if (!ok)
        return settle(out, before, HTTP_FORMAT_MEMORY);
    enum http_format result = add_headers(out, headers, header_count, "Host");
    if (result != HTTP_FORMAT_OK)
        return settle(out, before, result);
    ok = bytes_add(out, "\r\n", 2) && bytes_add(out, body, len);
    return settle(out, before, ok ? HTTP_FORMAT_OK : HTTP_FORMAT_MEMORY);
}

/* ---- problems ---- */

/* Bytes of the UTF-8 character at `text`; 0 when it is none (RFC 3629: no surrogates, no longer
 * form than needed, nothing over U+10FFFF). */
static size_t utf8_len(const unsigned char *text)
{
    static const struct {
        unsigned char low, high, second_low, second_high, len;
    } rows[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (text[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (text[0] < rows[i].low || text[0] > rows[i].high)
            continue;
        if (text[1] < rows[i].second_low || text[1] > rows[i].second_high)
            return 0;
        for (size_t k = 2; k < rows[i].len; k++)
            if ((text[k] & 0xc0) != 0x80)
                return 0;
        return rows[i].len;
    }
    return 0;
}

static bool add_json_text(struct bytes *out, const char *text)
{
    bool ok = bytes_add(out, "\"", 1);
    for (const unsigned char *c = (const unsigned char *)text; ok && *c != '\0';) {
        size_t len = utf8_len(c);
        char escape[8];
        if (len == 0) {
            ok = bytes_add_text(out, "\\ufffd");
            len = 1;
        } else if (*c == '"' || *c == '\\') {
            ok = bytes_add(out, "\\", 1) && bytes_add(out, c, 1);
        } else if (*c < ' ' || *c == 0x7f) {
            snprintf(escape, sizeof escape, "\\u%04x", *c);
            ok = bytes_add_text(out, escape);
        } else {
            ok = bytes_add(out, c, len);
        }
        c += len;
    }
    return ok && bytes_add(out, "\"", 1);
}

bool http_format_problem(struct bytes *out, int status, const char *detail, const char *more)
{
    return bytes_add_text(out, "{\"type\":\"about:blank\",\"title\":") &&
           add_json_text(out, http_status_text(status)) && bytes_add_text(out, ",\"status\":") &&
           bytes_add_number(out, (size_t)status) &&
           (detail == NULL ||
            (bytes_add_text(out, ",\"detail\":") && add_json_text(out, detail))) &&
           bytes_add_text(out, more) && bytes_add_text(out, "}\n");
}
