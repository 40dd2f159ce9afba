/* page.h - an HTML page as it is written: text that grows, where what others wrote is escaped.
 *
 * Memory that runs out is told once, by page_save. */
#ifndef COMMANDS_PAGE_H
#define COMMANDS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct error;

struct page { /* all zero is an empty one; fields are private to page.c */
    char *text;
    size_t len, room;
    bool failed; /* memory was out */
};

/* As it is: our own HTML, and numbers. */
void page_put(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes as they are. */
void page_bytes(struct page *p, const char *bytes, size_t len);

/* What somebody else wrote, as text or inside a quoted attribute; what is not UTF-8 becomes
 * U+FFFD, and control characters but for tab and newline go. NULL is nothing. */
void page_text(struct page *p, const char *text);
void page_text_len(struct page *p, const char *text, size_t len);

/* The same within an element, as <td class="c">text</td>: `tag` is "td class=c". */
void page_element(struct page *p, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A JSON string that no script element ends at, with its quotes. */
void page_json(struct page *p, const char *text);

/* A JSON number of six digits; null when it is none. */
void page_number(struct page *p, double value);

/* Write the page to `path`: a regular file is there as a whole or as it was before, anything else
 * (a pipe, a device) is written to. Releases the page. 0, or -1 with `err` set, the path in it. */
int page_save(struct page *p, const char *path, struct error *err);

/* Whether `path` could be written now, tried before long work and not behind it; nothing is
 * changed. 0, or -1 with `err` set, the path in it. */
int page_try(const char *path, struct error *err);

void page_release(struct page *p);

#endif
