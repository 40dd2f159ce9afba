/* text_file.h - small files of one text that others read while we write: replaced as a whole or not
 * at all, and known again by what the file system says of them. */
#ifndef WIRE_TEXT_FILE_H
#define WIRE_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct arena;
struct error;

struct text_file_stamp { /* all zero: no file */
    ino_t inode;
    struct timespec mtime;
    off_t size;
};

/* What is there now. */
struct text_file_stamp text_file_look(const char *path);
bool text_file_same(const struct text_file_stamp *a, const struct text_file_stamp *b);

/* Read a regular file of at most `max` bytes into `a`, with a NUL behind; `stamp` says which file
 * that was. 0, or -1 with `err` set, the path in it. */
int text_file_read(const char **text, size_t *len, const char *path, size_t max,
                   struct text_file_stamp *stamp, struct arena *a, struct error *err);

/* Write PATH.new, flush it, give it the name, flush the folder. Mode 0600. 0, or -1 with `err` set,
 * and what was there stays. */
int text_file_replace(const char *path, const char *text, size_t len, struct text_file_stamp *stamp,
                      struct error *err);

#endif
