/* store_error.h - what SQLite says, in our words and codes. */
#ifndef WIRE_STORE_ERROR_H
#define WIRE_STORE_ERROR_H

#include <sqlite3.h>

struct error;

/* Say why `db`, the database at `path`, answered `code`, an extended one. By it callers can tell:
 * ERR_DUPLICATE a key that is there, ERR_CONFLICT another constraint or someone else at work,
 * ERR_LIMIT too long or too large, ERR_SYNTAX SQL or a file that is damaged, ERR_SYSTEM the disk.
 * Returns -1. */
int store_error(sqlite3 *db, const char *path, int code, struct error *err);

#endif
