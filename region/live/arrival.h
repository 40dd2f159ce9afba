/* arrival.h - a request as it comes: which route it takes, and whether this cell is the one to ask.
 *
 * What is wrong with a request's line is answered here, before it takes one of the replica's
 * places.
 */
#ifndef REGION_LIVE_ARRIVAL_H
#define REGION_LIVE_ARRIVAL_H

#include "wire/http.h"

/* The server's handler; its context is a struct service. */
http_handler arrival_handle;

#endif
