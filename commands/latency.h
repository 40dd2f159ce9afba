/* latency.h - the round trips of a live system, wanted beside measured. */
#ifndef COMMANDS_LATENCY_H
#define COMMANDS_LATENCY_H

#include <stdbool.h>

/* Ask the door and every agent of the system in DIR, and print what they measured. The exit status:
 * no when somebody did not answer. */
int latency_print(const char *dir, bool json);

#endif
