#include "commands/page.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_scan.h"

/* ---- text that grows ---- */

static bool reserve(struct page *p, size_t more)
{
    if (p->failed || p->len + more + 1 <= p->room)
        return !p->failed;
    size_t room = (p->len + more + 1) * 2;
    char *text = realloc(p->text, room);
    if (text == NULL) {
        p->failed = true;
        return false;
    }
    p->text = text;
    p->room = room;
    return true;
}

void page_bytes(struct page *p, const char *bytes, size_t len)
{
    if (!reserve(p, len))
        return;
    memcpy(p->text + p->len, bytes, len);
    p->len += len;
    p->text[p->len] = '\0';
}

static void put_list(struct page *p, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n >= 0 && reserve(p, (size_t)n)) {
        vsnprintf(p->text + p->len, (size_t)n + 1, format, again);
        p->len += (size_t)n;
    }
    va_end(again);
}

void page_put(struct page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_list(p, format, args);
    va_end(args);
}

/* ---- what others wrote ---- */

static const char *entity_of(char c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void page_text_len(struct page *p, const char *text, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        const char *entity = entity_of(text[i]);
        unsigned char c = (unsigned char)text[i];
        n = json_scan_utf8(text + i, len - i);
        if (n == 0) {
            n = 1;
            page_bytes(p, "\xef\xbf\xbd", 3);
        } else if (entity != NULL) {
            page_bytes(p, entity, strlen(entity));
        } else if ((c >= ' ' && c != 0x7f) || c == '\n' || c == '\t') {
            page_bytes(p, text + i, n);
        }
    }
}

void page_text(struct page *p, const char *text)
{
    if (text != NULL)
        page_text_len(p, text, strlen(text));
}

void page_element(struct page *p, const char *tag, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    page_put(p, "<%s>", tag);
    page_text(p, text);
    page_put(p, "</%.*s>", (int)strcspn(tag, " "), tag);
}

void page_json(struct page *p, const char *text)
{
    size_t len = strlen(text);
    page_put(p, "\"");
    for (size_t i = 0, n; i < len; i += n) {
        unsigned char c = (unsigned char)text[i];
        n = json_scan_utf8(text + i, len - i);
        if (n == 0) {
            n = 1;
            page_put(p, "\\ufffd");
        } else if (c < ' ' || c == 0x7f || strchr("<>&\"\\'", text[i]) != NULL) {
            page_put(p, "\\u%04x", c);
        } else {
            page_bytes(p, text + i, n);
        }
    }
    page_put(p, "\"");
}

void page_number(struct page *p, double value)
{
    if (isfinite(value))
        page_put(p, "%.6g", value);
    else
        page_put(p, "null");
}

void page_release(struct page *p)
{
    free(p->text);
    *p = (struct page){0};
}

/* ---- into a file ---- */

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_close(int fd, const struct page *p, bool flush)
{
    int status = write_all(fd, p->text, p->len);
    if (status == 0 && flush)
        status = fsync(fd);
    int code = errno;
    if (close(fd) != 0 && status == 0)
        return -1;
    errno = code;
    return status;
}

/* A new file beside the old one takes its name once it is whole. */
static int replace(const char *path, const struct page *p)
{
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof temporary, "%s.%ld.new", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    int status = write_close(fd, p, true);
    if (status == 0)
        status = rename(temporary, path);
    if (status != 0) {
        int code = errno;
        unlink(temporary);
        errno = code;
    }
    return status;
}

static int save(const char *path, const struct page *p)
{
    struct stat st;
    char real[PATH_MAX];
    if (stat(path, &st) != 0)
        return replace(path, p);
    if (S_ISREG(st.st_mode)) /* behind a link too */
        return realpath(path, real) == NULL ? -1 : replace(real, p);
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -1 : write_close(fd, p, false);
}

int page_try(const char *path, struct error *err)
{
    struct stat st;
    char folder[PATH_MAX];
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
    } else if (there && !S_ISREG(st.st_mode)) {
        if (access(path, W_OK) == 0)
            return 0;
    } else if ((size_t)snprintf(folder, sizeof folder, "%s", path) >= sizeof folder) {
        errno = ENAMETOOLONG;
    } else {
        char *slash = strrchr(folder, '/');
        if (slash != NULL)
            slash[slash == folder] = '\0';
        if (access(slash == NULL ? "." : folder, W_OK | X_OK) == 0)
            return 0;
    }
    return error_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
}

int page_save(struct page *p, const char *path, struct error *err)
{
    int status = p->failed ? error_memory(err) : 0;
    if (status == 0 && save(path, p) != 0)
        status = error_set(err, ERR_SYSTEM, "%s", strerror(errno));
    page_release(p);
    return status == 0 ? 0 : error_prefix(err, "%s", path);
}
