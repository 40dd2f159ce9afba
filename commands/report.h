/* report.h - --report FILE.html: an answer as one page that needs nothing else. */
#ifndef COMMANDS_REPORT_H
#define COMMANDS_REPORT_H

#include "commands/report_parts.h"

struct arena;
struct baseline;
struct courses;
struct error;
struct files;
struct files_texts;
struct load_summary;
struct run_result;
struct sweep_report;

/* The command line as it was typed, before it is parsed; a long one is cut. */
enum { REPORT_COMMAND = 2000 };
void report_command(char out[REPORT_COMMAND], int argc, char **argv);

/* What a report about a scenario says of its files. */
struct report_info report_scenario(const char *command, const struct files_texts *texts,
                                   const char *about, struct arena *a);

struct report_run { /* a simulation */
    const struct files *files;
    const struct run_result *result;
    const struct courses *courses;       /* NULL: no replication was heard to its end */
    const struct baseline *baseline;     /* NULL: none, */
    const struct load_summary *measured; /* the same */
};

/* 0, or -1 with `err` set, `path` in it. */
int report_sim(const char *path, const struct report_info *info, const struct report_run *run,
               struct error *err);

/* A sweep; `files` are those of its first variant. */
int report_sweep(const char *path, const struct report_info *info, const struct files *files,
                 const struct sweep_report *sweep, struct error *err);

#endif
