/* error.h - what went wrong: a code to branch on and a sentence to show.
 *
 * The deepest function that knows the words writes them; callers prefix where they were (a file's
 * name, a command's). Only commands/ and the live processes print. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

enum error_code {
    ERR_NONE,
    ERR_SYNTAX,    /* the text is not JSON, not CSV, not a number */
    ERR_TYPE,      /* well formed, of the wrong kind */
    ERR_RANGE,     /* of the right kind, out of bounds */
    ERR_UNKNOWN,   /* a key, a country, a cell that does not exist */
    ERR_DUPLICATE, /* given twice */
    ERR_MISSING,   /* needed and not given */
    ERR_CONFLICT,  /* each is fine, together they are not */
    ERR_LIMIT,     /* larger than we are willing to hold */
    ERR_MEMORY,
    ERR_SYSTEM, /* the operating system said no */
};

struct error {
    enum error_code code;
    char text[480]; /* one sentence without a full stop; longer ones end in "..." */
};

/* Write code and sentence. Returns -1, so that a failing function can end with it. `err` is
 * never NULL. Bytes that a terminal would act on are written as `\xNN`. */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "PREFIX: " before the sentence that is there. Returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The sentence for "no memory left". Returns -1. */
int error_memory(struct error *err);

#endif
