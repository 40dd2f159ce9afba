/* load_report.h - what came of a load, as JSON and for people. */
#ifndef COMMANDS_LOAD_REPORT_H
#define COMMANDS_LOAD_REPORT_H

#include <stdio.h>

#include "base/json.h"

struct arena;
struct client_counts;
struct error;
struct failures;
struct load_result;
struct load_tally;

/* The table of what load --json prints. */
extern const struct json_field load_fields[];

struct load_facts {
    const char *what; /* "load", "fill", "replay" */
    int port;
    int64_t seed;
    double rate; /* planned, per second; NaN where the answers or a file set the pace */
    char (*country)[3];
    size_t country_count; /* the result's groups */
    bool stopped;
    const struct client_counts *smart; /* what smart clients did; NULL: there were none */
    struct failures *failures;         /* why requests failed; NULL: not known */
};

/* As JSON text; NULL when memory is out. */
const char *load_report_json(const struct load_facts *facts, const struct load_result *result,
                             struct arena *a);

struct load_row { /* NaN: no answer */
    const char *name;
    int64_t requests, ok;
    double p50_ms, p99_ms, p999_ms;
};

struct load_summary { /* what a JSON text of the above says */
    const char *path;
    double wall_s, rate;
    struct load_row all;
    struct load_row *countries;
    size_t country_count;
};

/* Read it from a file. 0, or -1 with `err` set, the path in it. */
int load_report_read(struct load_summary *out, const char *path, struct arena *a,
                     struct error *err);

/* As a table with a sentence behind it. */
void load_report_print(FILE *out, const struct load_facts *facts, const struct load_result *result);

/* A line for each reason, behind `indent`; nothing where none failed. */
void load_report_reasons(FILE *out, const char *indent, const struct failures *failures);

/* "3 timeout, 1 5xx" of what failed. Returns `text`. */
const char *load_report_failures(const struct load_tally *t, char *text, size_t size);

#endif
