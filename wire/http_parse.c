#include "wire/http_parse.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

enum { PHASE_HEAD, PHASE_BODY, PHASE_DONE, PHASE_BAD };

/* Chunks may cost as many bytes as the body, and this; a body in chunks of one byte does not. */
enum { FRAMING_BYTES = 16 << 10 };

static enum http_step refuse(struct http_parser *p, int status, const char *why)
{
    if (p->phase != PHASE_BAD) {
        p->phase = PHASE_BAD;
        p->status = status;
        p->why = why;
    }
    return HTTP_STEP_BAD;
}

/* For llhttp's callbacks, which say "stop" by -1. */
static int stop(struct http_parser *p, int status, const char *why)
{
    refuse(p, status, why);
    return -1;
}

/* ---- headers ---- */

static bool is_number(const char *value)
{
    size_t len = strspn(value, "0123456789");
    return len > 0 && len <= 15 && value[len] == '\0';
}

/* One of the words of a list, in any case. */
static bool has_word(const char *list, const char *word)
{
    size_t word_len = strlen(word);
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ", \t");
        if (len == word_len && strncasecmp(list, word, len) == 0)
            return true;
        list += len;
    }
    return false;
}

/* The headers that say where the message ends, or that we must act upon. */
static int check_header(struct http_parser *p, const char *name, const char *value)
{
    switch (strlen(name)) {
    case 4:
        if (strcasecmp(name, "host") != 0)
            break;
        p->host_count += p->host_count < 2;
        if (p->llhttp.type == HTTP_REQUEST && !http_host_ok(value, strlen(value)))
            return stop(p, 400, "a bad Host");
        break;
    case 6:
        if (strcasecmp(name, "expect") == 0 && p->llhttp.type == HTTP_REQUEST) {
            if (strcasecmp(value, "100-continue") != 0)
                return stop(p, 417, "only 100-continue can be expected");
            p->message->expects_continue = !p->message->http_1_0;
        }
        break;
    case 10: /* llhttp reads it too, but not where a tab stands behind the word */
        if (strcasecmp(name, "connection") == 0) {
            p->says_close = p->says_close || has_word(value, "close");
            p->says_keep_alive = p->says_keep_alive || has_word(value, "keep-alive");
        }
        break;
    case 14:
        if (strcasecmp(name, "content-length") == 0) {
            if (p->has_length)
                return stop(p, 400, "more than one Content-Length");
            if (!is_number(value))
                return stop(p, 400, "Content-Length is not a number");
            p->has_length = true;
        }
        break;
    case 17:
        if (strcasecmp(name, "transfer-encoding") == 0) {
            if (p->has_coding)
                return stop(p, 400, "more than one Transfer-Encoding");
            if (p->message->http_1_0)
                return stop(p, 400, "Transfer-Encoding in HTTP/1.0");
            if (strcasecmp(value, "chunked") != 0)
                return stop(p, 501, "a Transfer-Encoding other than chunked");
            p->has_coding = true;
        }
        break;
    default:
        break;
    }
    return 0;
}

/* The strings lie one behind the other: the guard let no NUL pass. */
static int index_headers(struct http_parser *p)
{
    struct http_message *m = p->message;
    if (!bytes_reserve(&m->text, 1)) /* a reply may be without any */
        return stop(p, 503, "no memory left");
    const char *text = m->text.data;
    if (p->llhttp.type == HTTP_REQUEST)
        text += strlen(text) + 1;
    for (size_t i = 0; i < m->header_count; i++) {
        m->headers[i].name = text;
        text += strlen(text) + 1;
        m->headers[i].value = text;
        text += strlen(text) + 1;
        if (!http_token_ok(m->headers[i].name))
            return stop(p, 400, "a bad header");
        if (check_header(p, m->headers[i].name, m->headers[i].value) != 0)
            return -1;
    }
    assert(text == m->text.data + m->text.len);
    if (p->has_length && p->has_coding)
        return stop(p, 400, "Content-Length and Transfer-Encoding");
    return 0;
}

static int check_request(struct http_parser *p)
{
    static const llhttp_method_t known[] = {HTTP_GET,   HTTP_HEAD,   HTTP_POST,   HTTP_PUT,
                                            HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS};
    struct http_message *m = p->message;
    m->method = NULL;
    for (size_t i = 0; i < sizeof known / sizeof known[0] && m->method == NULL; i++)
        if (p->llhttp.method == known[i])
            m->method = llhttp_method_name(known[i]);
    if (m->method == NULL)
        return stop(p, 405, "this method is not served");
    if (!http_target_ok(m->text.data + m->target_at, m->method))
        return stop(p, 400, "a bad target");
    if (p->host_count > 1 || (p->host_count == 0 && !m->http_1_0))
        return stop(p, 400, "not exactly one Host");
    return 0;
}

/* ---- llhttp's callbacks ---- */

static int add(struct http_parser *p, struct bytes *to, const char *at, size_t len)
{
    return bytes_add(to, at, len) ? 0 : stop(p, 503, "no memory left");
}

static int on_target(llhttp_t *ll, const char *at, size_t len)
{
    struct http_parser *p = ll->data;
    return add(p, &p->message->text, at, len);
}

/* The absolute form, which every server has to take (RFC 9112, 3.2.2): our target is what follows
 * the authority, and where no path does, the slash takes the place of its last character. */
static bool take_absolute(struct http_message *m)
{
    static const char scheme[] = "http://";
    char *text = m->text.data;
    if (strncasecmp(text, scheme, sizeof scheme - 1) != 0)
        return true;
    size_t at = sizeof scheme - 1, len = strcspn(text + at, "/?#");
    if (len == 0 || !http_host_ok(text + at, len))
        return false;
    at += len;
    if (text[at] != '/')
        text[--at] = '/';
    m->target_at = at;
    return true;
}

static int on_target_complete(llhttp_t *ll)
{
    struct http_parser *p = ll->data;
    if (add(p, &p->message->text, "", 1) != 0)
        return -1;
    return take_absolute(p->message) ? 0 : stop(p, 400, "a bad target");
}

static int on_name(llhttp_t *ll, const char *at, size_t len)
{
    struct http_parser *p = ll->data;
    if (p->head_done)
        return stop(p, 400, "trailers");
    return add(p, &p->message->text, at, len);
}

static int on_name_complete(llhttp_t *ll)
{
    struct http_parser *p = ll->data;
    if (p->head_done)
        return stop(p, 400, "trailers");
    if (p->message->header_count == HTTP_HEADERS_MAX)
        return stop(p, 431, "too many headers");
    return add(p, &p->message->text, "", 1);
}

static int on_value(llhttp_t *ll, const char *at, size_t len)
{
    struct http_parser *p = ll->data;
    return add(p, &p->message->text, at, len);
}

/* llhttp leaves the blanks at the end to us; before them is at least the name's NUL. */
static int on_value_complete(llhttp_t *ll)
{
    struct http_parser *p = ll->data;
    struct bytes *text = &p->message->text;
    while (text->data[text->len - 1] == ' ' || text->data[text->len - 1] == '\t')
        text->len--;
    p->message->header_count++;
    return add(p, text, "", 1);
}

static int on_head_complete(llhttp_t *ll)
{
    struct http_parser *p = ll->data;
    struct http_message *m = p->message;
    if (ll->http_major != 1 || ll->http_minor > 1)
        return stop(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken");
    m->http_1_0 = ll->http_minor == 0;
    if (index_headers(p) != 0 || (ll->type == HTTP_REQUEST && check_request(p) != 0))
        return -1;
    if (ll->type == HTTP_RESPONSE) {
        m->status = ll->status_code;
        if (m->status < 100 || m->status > 599 || m->status == 101)
            return stop(p, 400, "a bad status");
        p->bodiless = p->bodiless || m->status < 200 || m->status == 204 || m->status == 304;
    }
    if ((ll->flags & F_CONTENT_LENGTH) != 0 && ll->content_length > p->body_bytes_max &&
        !p->bodiless)
        return stop(p, 413, "the body is too large");
    m->keep_alive = !p->says_close && (!m->http_1_0 || p->says_keep_alive) &&
                    (p->bodiless || !llhttp_message_needs_eof(ll));
    ll->upgrade = 0; /* we stay with HTTP/1.1, as a server may */
    p->head_done = true;
    return p->bodiless ? 1 : 0;
}

static int on_body(llhttp_t *ll, const char *at, size_t len)
{
    struct http_parser *p = ll->data;
    struct bytes *body = &p->message->body;
    if (len > p->body_bytes_max - body->len)
        return stop(p, 413, "the body is too large");
    /* One allocation where the length is known and no surprise; one byte for the NUL. */
    if (body->len == 0 &&
        !bytes_reserve(
            body,
            len + 1 + (ll->content_length < BYTES_KEPT_MAX / 2 ? (size_t)ll->content_length : 0)))
        return stop(p, 503, "no memory left");
    return add(p, body, at, len);
}

static int on_chunk_extension(llhttp_t *ll, const char *at, size_t len)
{
    (void)at;
    (void)len;
    return stop(ll->data, 400, "a chunk extension");
}

static int on_complete(llhttp_t *ll)
{
    struct http_parser *p = ll->data;
    p->done = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_target,
    .on_url_complete = on_target_complete,
    .on_header_field = on_name,
    .on_header_field_complete = on_name_complete,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_head_complete,
    .on_body = on_body,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_message_complete = on_complete,
};

/* ---- the stream ---- */

struct guarded {
    size_t len; /* bytes of the head, all of them good */
    bool end;   /* the last of them ends it */
    int status; /* why the next one is not: 0, it is not there */
    const char *why;
};

static struct guarded bad(size_t len, int status, const char *why)
{
    return (struct guarded){.len = len, .status = status, .why = why};
}

/* Lines end in CR LF and do not begin with a blank, and no other control character but a tab is in
 * them. */
static struct guarded guard(struct http_parser *p, const char *data, size_t len)
{
    size_t room = p->head_bytes_max - p->head_bytes;
    size_t i = 0;
    bool end = false;
    for (; i < len && !end; i++) {
        unsigned char c = (unsigned char)data[i];
        if (i == room)
            return p->first_line_done || p->llhttp.type == HTTP_RESPONSE
                       ? bad(i, 431, "the head is too large")
                       : bad(i, 414, "the target is too long");
        if (p->cr) {
            if (c != '\n')
                return bad(i, 400, "a bare CR");
            p->cr = false;
            end = p->line_bytes == 0 && p->started;
            p->first_line_done = p->started;
            p->line_bytes = 0;
        } else if (c == '\r') {
            p->cr = true;
        } else if ((c < ' ' && (c != '\t' || p->line_bytes == 0)) || c == 0x7f) {
            return bad(i, 400, "a control character in the head");
        } else {
            if (p->line_bytes == 0 && c == ' ')
                return bad(i, 400, "a line that begins with a blank");
            p->line_bytes++;
            p->started = true;
        }
    }
    p->head_bytes += i;
    return (struct guarded){.len = i, .end = end};
}

static enum http_step refuse_by(struct http_parser *p, llhttp_errno_t error)
{
    switch ((int)error) {
    case HPE_INVALID_METHOD:
        return refuse(p, 501, "an unknown method");
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE:
        return refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken");
    case HPE_INVALID_URL:
        return refuse(p, 400, "a bad target");
    case HPE_INVALID_HEADER_TOKEN:
        return refuse(p, 400, "a bad header");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_INVALID_TRANSFER_ENCODING:
        return refuse(p, 400, "the length of the body is unclear");
    case HPE_INVALID_CHUNK_SIZE:
        return refuse(p, 400, "a bad chunk");
    default:
        return refuse(p, 400, "this is not HTTP/1.1");
    }
}

static enum http_step whole(struct http_parser *p)
{
    struct bytes *body = &p->message->body;
    if (!bytes_reserve(body, 1))
        return refuse(p, 503, "no memory left");
    body->data[body->len] = '\0';
    p->phase = PHASE_DONE;
    return HTTP_STEP_DONE;
}

/* llhttp sees what the guard has let pass, so that the first bad byte decides, wherever it is cut.
 */
static enum http_step take_head(struct http_parser *p, const char *data, size_t len, size_t *used)
{
    struct guarded g = guard(p, data, len);
    llhttp_errno_t error = llhttp_execute(&p->llhttp, data, g.len);
    if (p->phase == PHASE_BAD)
        return HTTP_STEP_BAD;
    if (error != HPE_OK && error != HPE_PAUSED)
        return refuse_by(p, error);
    if (g.status != 0)
        return refuse(p, g.status, g.why);
    /* A whole message pauses behind its last byte, which here is the head's. */
    if (p->head_done != g.end || (p->done && llhttp_get_error_pos(&p->llhttp) != data + g.len))
        return refuse(p, 400, "the end of the head is unclear");
    *used = g.len;
    if (p->done)
        return whole(p);
    if (!g.end)
        return HTTP_STEP_MORE;
    p->phase = PHASE_BODY;
    return HTTP_STEP_HEAD;
}

static enum http_step take_body(struct http_parser *p, const char *data, size_t len, size_t *used)
{
    llhttp_errno_t error = llhttp_execute(&p->llhttp, data, len);
    if (p->phase == PHASE_BAD)
        return HTTP_STEP_BAD;
    if (error != HPE_OK && error != HPE_PAUSED)
        return refuse_by(p, error);
    if (p->done) {
        *used = (size_t)(llhttp_get_error_pos(&p->llhttp) - data);
        return whole(p);
    }
    p->body_bytes += len;
    if (p->body_bytes > 2 * p->body_bytes_max + FRAMING_BYTES)
        return refuse(p, 413, "the body is too large");
    *used = len;
    return HTTP_STEP_MORE;
}

enum http_step http_parser_take(struct http_parser *p, struct http_message *m, const char *data,
                                size_t len, size_t *used)
{
    assert(p->phase != PHASE_DONE);
    *used = 0;
    if (p->phase == PHASE_BAD)
        return HTTP_STEP_BAD;
    if (len == 0)
        return HTTP_STEP_MORE;
    p->message = m;
    p->llhttp.data = p;
    enum http_step step =
        p->phase == PHASE_HEAD ? take_head(p, data, len, used) : take_body(p, data, len, used);
    p->message = NULL;
    return step;
}

enum http_step http_parser_end(struct http_parser *p, struct http_message *m)
{
    if (p->phase != PHASE_BODY)
        return refuse(p, 400, "the message is cut off");
    p->message = m;
    p->llhttp.data = p;
    llhttp_finish(&p->llhttp);
    enum http_step step = p->done ? whole(p) : refuse(p, 400, "the message is cut off");
    p->message = NULL;
    return step;
}

bool http_parser_begun(const struct http_parser *p)
{
    return p->started;
}

bool http_parser_in_body(const struct http_parser *p)
{
    return p->phase == PHASE_BODY;
}

void http_parser_init(struct http_parser *p, enum http_kind kind, size_t head_bytes_max,
                      size_t body_bytes_max)
{
    *p = (struct http_parser){.head_bytes_max = head_bytes_max, .body_bytes_max = body_bytes_max};
    llhttp_init(&p->llhttp, kind == HTTP_KIND_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
}

void http_parser_next(struct http_parser *p, bool bodiless)
{
    enum http_kind kind = p->llhttp.type == HTTP_REQUEST ? HTTP_KIND_REQUEST : HTTP_KIND_REPLY;
    http_parser_init(p, kind, p->head_bytes_max, p->body_bytes_max);
    p->bodiless = bodiless;
}
