/* store_folder.h - a store's folder: whose it is, and how fast its disk flushes. */
#ifndef WIRE_STORE_FOLDER_H
#define WIRE_STORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* FOLDER/NAME into `path`. 0, or -1 with `err` set when it does not fit. */
int store_folder_path(char *path, size_t size, const char *folder, const char *name,
                      struct error *err);

/* May `owner` have its rows in `folder`? It must be a folder that we can write, and its file
 * `cell`, if there is one, must bear that name. Changes nothing. 0, or -1 with `err` set; `*ours`
 * says whether the name was there. */
int store_folder_check(const char *folder, const char *owner, bool *ours, struct error *err);

/* Write the name into a folder that has none and no rows. Under the turnstile. 0, or -1 with `err`
 * set. */
int store_folder_name(const char *folder, const char *owner, struct error *err);

/* Make the entries of `folder` last. 0, or -1 with `err` set. */
int store_folder_flush(const char *folder, struct error *err);

/* The median of some flushes of a small file in `folder`, which is removed again; in us, -1 when it
 * cannot be written. To be printed beside figures that hang on the disk. */
int64_t store_flush_probe_us(const char *folder);

#endif
