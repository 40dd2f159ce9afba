/* handlers.h - what each route does. */
#ifndef REGION_LIVE_HANDLERS_H
#define REGION_LIVE_HANDLERS_H

#include <stdbool.h>

struct request;

void handle_health(struct request *r);
void handle_create(struct request *r);
void handle_read(struct request *r);
void handle_list(struct request *r);
void handle_reserve(struct request *r);
void handle_place(struct request *r); /* in place.c */

/* Make the command of a write from its headers and body. False when that has been refused. */
bool handle_make_create(struct request *r);

#endif
