/* door.h - a door process: one address for all cells. A system has one, or several that are alike.
 *
 * It takes a request over HTTP, finds country, cell, service and a replica, passes it on, and
 * passes the answer back. What fails is tried again in another zone, as far as the cell's budget
 * goes. It needs nobody: it serves whether control, agents and replicas are there or not. */
#ifndef CONTROL_LIVE_DOOR_H
#define CONTROL_LIVE_DOOR_H

struct layout;

/* Be door `number`, from 0, of the system in the folder l->dir until SIGTERM or SIGINT. The exit
 * status. */
int door_run(const struct layout *l, int number);

#endif
