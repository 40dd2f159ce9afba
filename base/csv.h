/* csv.h - rows and fields of a table in text, in place.
 *
 * One reader for the tables compiled into the program, the files of sim-configs/data and what users
 * bring. The text may come whole or in pieces: csv_row says when the row that begins at `at` is not
 * all there. A field that begins with the quote goes on to the next one alone, over delimiters and
 * ends of lines, and two quotes in it stand for one (RFC 4180). Lines end in \n or \r\n; empty ones
 * are no rows. Nothing is copied and nothing allocated. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CSV_FIELDS_MAX = 256 };

struct csv_field {
    const char *text; /* of what was given to the reader */
    size_t len;
    bool doubled; /* it holds doubled quotes; csv_copy makes one of two */
};

struct csv {
    const char *at, *end; /* what is left; whoever reads in pieces moves them */
    bool last;            /* nothing comes behind `end` */
    char delimiter;
    char quote;        /* '\0': quotes are letters like others */
    int64_t line;      /* where the row read last begins, from 1 */
    int64_t line_next; /* where the next one may */
    size_t count;      /* fields of it */
    struct csv_field field[CSV_FIELDS_MAX];
};

enum csv_end {
    CSV_NONE,   /* there is no row left */
    CSV_ROW,    /* `field` holds the row */
    CSV_MORE,   /* the row is not all there, and `at` stands before it; never with `last` */
    CSV_QUOTE,  /* a quoted field has no end, or something behind it */
    CSV_FIELDS, /* more than CSV_FIELDS_MAX fields */
};

/* A reader of the whole of `text`, [len] bytes which must outlive it, with commas and quotes. */
struct csv csv_of(const char *text, size_t len);

/* Read the next row. Behind CSV_QUOTE and CSV_FIELDS the reader stands before the bad row. */
enum csv_end csv_row(struct csv *c);

/* Of ',', ';' and tab the one that a header holds most often outside of quotes, the comma if none:
 * of the first line of `text`. */
char csv_delimiter(const char *text, size_t len);

/* A field's text into `out`, cut to `size`, with a NUL behind. */
void csv_copy(const struct csv_field *field, char *out, size_t size);

/* A field that is a whole number: an optional '-' and up to 18 digits. False: it is none. */
bool csv_i64(const struct csv_field *field, int64_t *out);

#endif
