/* service.h - one replica of one of a cell's four services, as a process.
 *
 * It answers HTTP on its port, as docs/LIVE.md says, and keeps its rows in the store that the
 * service's replicas share. What is right is decided in region/; here it is carried out: one loop
 * that never blocks, the store's threads, and for orders questions to the neighbours. */
#ifndef REGION_LIVE_SERVICE_H
#define REGION_LIVE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct error;
struct http_exchange;
struct layout;

/* What else the process does, on the replica's loop and port; who starts it knows what that is. */
struct service_guest {
    const char *path; /* requests whose path is this one are the guest's */
    int (*begin)(void **guest, const struct layout *l, size_t cell, size_t zone, size_t service,
                 uv_loop_t *loop, struct error *err); /* 0, or -1 with `err` set */
    void (*take)(void *guest, struct http_exchange *x);
    bool (*is_cut)(void *guest); /* off from most of its cell: writes are refused meanwhile */
    void (*end)(void *guest);    /* close its handles; the loop runs on for that */
    int64_t (*map_version)(const char *text, size_t len); /* of a partition map; -1: it is none */
};

/* Claim the replica's pid file, open the store, listen, and serve until SIGTERM or SIGINT: then
 * accept no more, finish what runs, for two seconds at most, and return. The exit status: 0, or 1
 * with a line on stderr when it could not begin. Missing folders of the replica and its store are
 * made. `guest` may be NULL. */
int service_run(const struct layout *l, size_t cell, size_t zone, size_t service,
                const struct service_guest *guest);

#endif
