/* trace_file.h - what happened in a simulation, as a file for ui.perfetto.dev or chrome://tracing.
 *
 * The JSON object form of the Trace Event Format: cells are processes; their doors, and their
 * servers with a lane for each request worked on at once, are threads. Requests and their tries are
 * nested async slices, work is complete slices on the lanes, how many wait and are worked on are
 * counters per service and zone, faults are async slices, decisions are instants with a sentence.
 *
 * The file is written as it happens, and is bounded by the number of records that it takes: what
 * comes after is left out, and it says so. What is open then, or when the run ends, is closed at
 * that time as "unfinished". */
#ifndef COMMANDS_TRACE_FILE_H
#define COMMANDS_TRACE_FILE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct error;
struct files;
struct trace_file;
struct trace_record;

struct trace_file_opts {
    const char *path;
    int64_t seed;
    int64_t from_ns;             /* what is earlier is left out */
    int64_t records_max;         /* >= 1 */
    volatile sig_atomic_t *stop; /* set when writing fails, so that the run can end; may be NULL */
};

/* Begin a file; an old one is overwritten. Everything is borrowed until it is closed. NULL with
 * `err` set when it cannot be. */
struct trace_file *trace_file_open(const struct trace_file_opts *opts, const struct files *files,
                                   struct error *err);

/* A trace_sink; `trace_file` is the context. */
void trace_file_take(void *trace_file, const struct trace_record *record);

/* Whether records were left out at the end. */
bool trace_file_is_full(const struct trace_file *f);

/* End the file and free `f`; `stopped`: the run was, before its end. 0, or -1 with `err` set when
 * it could not be written as a whole; then a regular file is removed, since what is there is no
 * trace. NULL is fine. */
int trace_file_close(struct trace_file *f, bool stopped, struct error *err);

#endif
