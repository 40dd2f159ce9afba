/* trouble.h - what the faults that are on do to this replica.
 *
 * It reads the leases itself whenever a request comes, and goes by its own clock. Shared by the
 * files of region/live alone. */
#ifndef REGION_LIVE_TROUBLE_H
#define REGION_LIVE_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct error;
struct layout;
struct request;
struct service;

/* Look at the leases, which tells the store what it has to suffer. */
void trouble_look(struct service *s);

/* Whether the request is one that work may begin on. When it is not, it has been answered with an
 * error; or it kills us. */
bool trouble_spares(struct request *r);

/* Whether our zone is cut off from the stores. */
bool trouble_is_cut(struct service *s);

/* Whether the store may be asked for a request, which then has its distance to go before it is
 * answered. When it may not, `err` says why. */
bool trouble_store(struct request *r, struct error *err);

/* How much longer than else the answer takes, us, now that all else is done. */
int64_t trouble_late_us(struct request *r, int64_t now_us);

/* One that was killed by a poisonous request stays away as long as the fault says, or until it is
 * over. Blocks. 0, or -1 with `err` set. */
int trouble_wait(struct service *s, const struct layout *l, struct arena *a, struct error *err);

#endif
