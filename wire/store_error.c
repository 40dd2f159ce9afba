#include "wire/store_error.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

/* What the system said last to a write of the file or of the log. */
static int write_errno(sqlite3 *db)
{
    int error = 0;
    sqlite3_file *log = NULL;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
    if (error == 0)
        sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}

static int io_error(sqlite3 *db, const char *path, int code, struct error *err)
{
    int error = code == SQLITE_IOERR_WRITE ? write_errno(db) : 0;
    if (error == 0)
        error = sqlite3_system_errno(db);
    if (code == SQLITE_FULL || error == ENOSPC || error == EFBIG || error == EDQUOT)
        return error_set(err, ERR_SYSTEM, "%s: no room left on the disk", path);
    return error_set(err, ERR_SYSTEM, "%s: the disk fails: %s", path,
                     error ? strerror(error) : sqlite3_errmsg(db));
}

static int constraint(sqlite3 *db, int code, struct error *err)
{
    bool twice = code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE ||
                 code == SQLITE_CONSTRAINT_ROWID;
    return error_set(err, twice ? ERR_DUPLICATE : ERR_CONFLICT, "%s", sqlite3_errmsg(db));
}

int store_error(sqlite3 *db, const char *path, int code, struct error *err)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
        return io_error(db, path, code, err);
    case SQLITE_CONSTRAINT:
        return constraint(db, code, err);
    case SQLITE_READONLY:
        if (sqlite3_db_readonly(db, "main") == 0 && code == SQLITE_READONLY)
            return error_set(err, ERR_CONFLICT, "a read may not write");
        return error_set(err, ERR_SYSTEM, "%s: cannot be written", path);
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return error_set(err, ERR_SYSTEM, "%s: cannot be opened for writing", path);
    case SQLITE_NOTADB:
        return error_set(err, ERR_SYNTAX, "%s: is not an SQLite database", path);
    case SQLITE_CORRUPT:
        return error_set(err, ERR_SYNTAX, "%s: is damaged (%s)", path, sqlite3_errmsg(db));
    case SQLITE_INTERRUPT:
        return error_set(err, ERR_LIMIT, "took longer than it may");
    case SQLITE_BUSY:
        return error_set(err, ERR_CONFLICT, "%s: another process holds it", path);
    case SQLITE_TOOBIG:
        return error_set(err, ERR_LIMIT, "a value is too long");
    case SQLITE_NOMEM:
        return error_memory(err);
    case SQLITE_ERROR:
        return error_set(err, ERR_SYNTAX, "%s", sqlite3_errmsg(db));
    default:
        return error_set(err, ERR_SYSTEM, "%s: %s", path, sqlite3_errmsg(db));
    }
}
