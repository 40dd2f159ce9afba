/* demand_file.h - --demand FILE: a user's own orders or request counts, plain or gzip. */
#ifndef COMMANDS_DEMAND_FILE_H
#define COMMANDS_DEMAND_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/demand.h"
#include "commands/cli.h"
#include "control/demand_report.h"

struct arena;
struct error;

struct demand_args {  /* what the command line says */
    const char *path; /* NULL: nothing */
    const char *time, *country, *count, *where, *zone;
    bool month_first;
    int64_t scale; /* requests for each that is counted */
};

/* The rows of an option table that fill a struct demand_args at `member` of `type`. */
#define DEMAND_OPTIONS(type, member)                                                      \
    {"demand",                                                                            \
     CLI_STR,                                                                             \
     offsetof(type, member.path),                                                         \
     "FILE",                                                                              \
     0,                                                                                   \
     0,                                                                                   \
     "Demand from your own orders or counts: CSV or .csv.gz, of any length"},             \
        {"demand-time",                                                                   \
         CLI_STR,                                                                         \
         offsetof(type, member.time),                                                     \
         "COLUMN",                                                                        \
         0,                                                                               \
         0,                                                                               \
         "Its column of times, where the name does not tell"},                            \
        {"demand-country",                                                                \
         CLI_STR,                                                                         \
         offsetof(type, member.country),                                                  \
         "COLUMN",                                                                        \
         0,                                                                               \
         0,                                                                               \
         "Its column of countries: codes or names"},                                      \
        {"demand-count",                                                                  \
         CLI_STR,                                                                         \
         offsetof(type, member.count),                                                    \
         "COLUMN",                                                                        \
         0,                                                                               \
         0,                                                                               \
         "Its column of counts; without one each row is one"},                            \
        {"demand-where",                                                                  \
         CLI_STR,                                                                         \
         offsetof(type, member.where),                                                    \
         "CONDITIONS",                                                                    \
         0,                                                                               \
         0,                                                                               \
         "Only rows that meet them, as \"kind=sale,units>0\""},                           \
        {"demand-zone",                                                                   \
         CLI_STR,                                                                         \
         offsetof(type, member.zone),                                                     \
         "UTC|local",                                                                     \
         0,                                                                               \
         0,                                                                               \
         "Whose clock times without a zone are (default: UTC)"},                          \
        {"demand-month-first",  CLI_FLAG, offsetof(type, member.month_first), NULL, 0, 0, \
         "Dates are 12/31/2010"},                                                         \
    {                                                                                     \
        "demand-scale", CLI_I64, offsetof(type, member.scale), "N", 1, 1e9,               \
            "Requests for each order that is counted (default: 1)"                        \
    }

/* Options about a file that is not given: explained, and the exit status returned; or else -1. */
int demand_file_alone(const struct cli_command *command, const struct demand_args *args);

/* Read the file that `args` names. Errors begin with its path. 0, or -1 with `err` set. */
int demand_file_read(struct demand *d, const struct demand_args *args, struct arena *a,
                     struct error *err);

void demand_file_print(FILE *out, const struct demand_report *report);

#endif
