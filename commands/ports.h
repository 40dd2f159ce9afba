/* ports.h - whether a system's ports are free, before any of it is started. */
#ifndef COMMANDS_PORTS_H
#define COMMANDS_PORTS_H

#include <stdbool.h>

struct error;
struct layout;

/* Every port of the system on 127.0.0.1. `exists`: its folder is there, and a port whose own
 * process runs is fine. 0, or -1 with `err` set, which names the first that is not free. */
int ports_check(const struct layout *l, bool exists, struct error *err);

#endif
