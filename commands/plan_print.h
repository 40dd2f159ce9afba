/* plan_print.h - a plan as tables for people, in 80 columns where names are short. */
#ifndef COMMANDS_PLAN_PRINT_H
#define COMMANDS_PLAN_PRINT_H

#include <stdbool.h>
#include <stdio.h>

struct files;
struct plan;
struct topo;

/* All of `plan`, a plan of `files`. Of many cells the largest ones alone, unless `all`. */
void plan_print(FILE *out, const char *name, const struct files *files, const struct plan *plan,
                bool all);

/* What it says of cuts, the end of that: cost of separation, shards, frontiers. */
void plan_print_cuts(FILE *out, const struct plan *plan, const struct topo *topo);

#endif
