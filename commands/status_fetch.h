/* status_fetch.h - ask the control process of a state folder how everything is.
 *
 * GET /status over HTTP/1.1 on the unix socket DIR/control.sock. A fetch goes on in steps that wait
 * no longer than they are told, so that a dashboard keeps hearing its keys; `status_fetch` is all
 * the steps in one. */
#ifndef COMMANDS_STATUS_FETCH_H
#define COMMANDS_STATUS_FETCH_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;
struct status;

enum {
    STATUS_FETCH_MS_MAX = 2000,    /* from asking to the last byte of the answer */
    STATUS_FETCH_HEAD_MAX = 16384, /* bytes of its head, and 16 MiB of its body */
};

struct status_fetcher { /* fields are private to status_fetch.c */
    const char *dir;
    int fd; /* -1: nothing is under way */
    int64_t deadline_ms;
    char *bytes; /* what has come so far, kept for the next fetch */
    size_t used, size;
};

/* `dir` is borrowed. */
void status_fetcher_init(struct status_fetcher *f, const char *dir);
void status_fetcher_release(struct status_fetcher *f);

/* Go on with the fetch that is under way, or begin one, waiting at most `wait_ms`. 0 with `*out`
 * filled, its strings in `a`; 1 when the answer is not whole yet; -1 with `err` set: ERR_MISSING
 * when nobody listens there, something else when what listens does not answer well. After 0 and -1
 * the next call begins anew. */
int status_fetch_step(struct status_fetcher *f, int wait_ms, struct status *out, struct arena *a,
                      struct error *err);

/* A whole fetch, which takes at most STATUS_FETCH_MS_MAX. 0, or -1 with `err` set. */
int status_fetch(const char *dir, struct status *out, struct arena *a, struct error *err);

#endif
