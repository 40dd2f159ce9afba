/* plan_print.h - a plan as tables for people. */
#ifndef COMMANDS_PLAN_PRINT_H
#define COMMANDS_PLAN_PRINT_H

#include <stdio.h>

struct plan;

/* Everything of a plan but its counts, which plan_print has: proof, separation, shards. */
void plan_print_rest(FILE *out, const struct plan *plan);

#endif
