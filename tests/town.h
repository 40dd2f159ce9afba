/* town.h - a cell's replicas as real processes, for tests: zones a and b of cell de, which serves
 * DE and GB; FR is another cell's. All fail the test that runs. */
#ifndef TESTS_TOWN_H
#define TESTS_TOWN_H

#include <stddef.h>

#include "tests/kids.h"
#include "tests/talk.h"

enum { CUSTOMER, VENDOR, CATALOG, ORDER, SERVICES, ZONES = 2 };

struct town {
    char folder[256];
    const char *world;
    int port;
    struct kid kid[ZONES][SERVICES];
};

/* The program's main gives us the replicas: `if (town_role(argc, argv, &status)) return status;` */
bool town_role(int argc, char **argv, int *status);

/* A state folder and free ports. `world` is "wide" (64 at a time, 64 more wait), "narrow" (1 and
 * 1), "ranked" (1 and 2, users first), "late" (1 at a time, each spends 150 ms, and what waited
 * 400 ms is dropped), "hasty" (a try has 400 ms) or "slow" (2 at a time, and each spends 30 ms). */
void town_make(struct town *t, const char *world);

/* End what runs, gently, and remove the folder. */
void town_end(struct town *t);

int town_port(const struct town *t, size_t zone, size_t service);

/* Start a replica and wait until it serves; or start it and hear its first line. */
void town_start(struct town *t, size_t zone, size_t service);
void town_begin(struct town *t, size_t zone, size_t service, char *line, size_t size);

/* End one with SIGTERM; its exit status must be 0. */
void town_stop(struct town *t, size_t zone, size_t service);

/* Connect and talk; `town_quick` gives the status alone. */
int town_ask(const struct town *t, size_t zone, size_t service, struct talk *talk_,
             const char *method, const char *target, const char *key, const char *body);
int town_quick(const struct town *t, size_t zone, size_t service, const char *method,
               const char *target, const char *key, const char *body);

/* How often `what` is in `text`. */
size_t town_count(const char *text, const char *what);

#endif
