/* demand_close.h - between the files of demand. */
#ifndef BASE_DEMAND_CLOSE_H
#define BASE_DEMAND_CLOSE_H

struct demand;
struct error;

/* Nothing comes any more: check what is there, and find the peaks. 0, or -1 with `err` set. */
int demand_close(struct demand *d, struct error *err);

#endif
