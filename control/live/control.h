/* control.h - the control process: keeps the door and the agents running, knows how everything is,
 * breaks what it is told to break.
 *
 * No request of a customer waits for it. When it is killed all goes on; the next one adopts what
 * runs, and ends the faults that are in DIR/faults.json when their time comes. */
#ifndef CONTROL_LIVE_CONTROL_H
#define CONTROL_LIVE_CONTROL_H

struct layout;

/* Be control of the system in the folder l->dir until SIGTERM or SIGINT (the others go on), or
 * POST /down (nobody does). `name` is the topology's. The exit status. */
int control_run(const struct layout *l, const char *name);

#endif
