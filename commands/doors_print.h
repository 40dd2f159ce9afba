/* doors_print.h - doors in words: what each has switched off and why, what it spent, what it lost.
 */
#ifndef COMMANDS_DOORS_PRINT_H
#define COMMANDS_DOORS_PRINT_H

#include <stdio.h>

struct status;

/* Nothing of a door that is alone and well, for the first line of `status` has that. Lines of 80
 * columns at most, where words allow. */
void doors_print(FILE *out, const struct status *s);

#endif
