/* sweep_print.h - what a sweep has found, for people. */
#ifndef COMMANDS_SWEEP_PRINT_H
#define COMMANDS_SWEEP_PRINT_H

#include <stdio.h>

struct files;
struct sweep_report;

/* A row per variant, of the country that fares worst in it; then which expectations failed. */
void sweep_print(FILE *out, const char *name, const struct files *base,
                 const struct sweep_report *report);

#endif
