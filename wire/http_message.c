#include "wire/http_message.h"

#include <string.h>
#include <strings.h>

/* tchar of RFC 9110, a bit for each of the characters 0 to 127. */
static bool is_token_char(unsigned char c)
{
    static const uint32_t allowed[4] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
    return c < 128 && (allowed[c >> 5] >> (c & 31) & 1) != 0;
}

bool http_token_ok(const char *text)
{
    size_t i = 0;
    while (is_token_char((unsigned char)text[i]))
        i++;
    return i > 0 && text[i] == '\0';
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool http_target_ok(const char *target, const char *method)
{
    if (strcmp(target, "*") == 0)
        return strcmp(method, "OPTIONS") == 0;
    if (target[0] != '/')
        return false;
    for (const char *c = target; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7f || *c == '#')
            return false;
        if (*c == '%' && !(is_hex(c[1]) && is_hex(c[2])))
            return false;
    }
    return true;
}

/* What RFC 3986 lets stand in a host: names and IPv4 addresses, or what is in brackets. */
static size_t host_len(const char *host, size_t len)
{
    static const char in_names[] = "-._~!$&'()*+,;=%";
    size_t i = 0;
    if (len > 0 && host[0] == '[') {
        for (i = 1; i < len && (is_hex(host[i]) || host[i] == ':' || host[i] == '.');)
            i++;
        return i > 1 && i < len && host[i] == ']' ? i + 1 : 0;
    }
    while (i < len && host[i] != '\0' &&
           ((host[i] >= '0' && host[i] <= '9') ||
            ((host[i] | 0x20) >= 'a' && (host[i] | 0x20) <= 'z') ||
            strchr(in_names, host[i]) != NULL))
        i++;
    return i;
}

bool http_host_ok(const char *host, size_t len)
{
    size_t i = host_len(host, len);
    if (i > 0 && i < len && host[i] == ':')
        for (i++; i < len && host[i] >= '0' && host[i] <= '9';)
            i++;
    return i == len;
}

void http_message_clear(struct http_message *m)
{
    bytes_clear(&m->text);
    bytes_clear(&m->body);
    m->header_count = m->target_at = 0;
    m->method = NULL;
    m->status = 0;
    m->http_1_0 = m->keep_alive = m->expects_continue = false;
}

void http_message_release(struct http_message *m)
{
    http_message_clear(m);
    bytes_release(&m->text);
    bytes_release(&m->body);
}

const char *http_message_header(const struct http_message *m, const char *name)
{
    for (size_t i = 0; i < m->header_count; i++)
        if (strcasecmp(m->headers[i].name, name) == 0)
            return m->headers[i].value;
    return NULL;
}
