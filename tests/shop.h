/* shop.h - a small system for tests of the door: two cells of three zones, a real door process, and
 * replicas by hand on the layout's ports.
 *
 * The test's own loop carries the replicas and the clients. A program that uses it runs itself
 * again as the door: its main begins with shop_is_door. */
#ifndef TESTS_SHOP_H
#define TESTS_SHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/status.h"
#include "tests/kids.h"
#include "tests/replica.h"
#include "wire/http.h"

enum { SHOP_CELLS = 2, SHOP_ZONES = 3, SHOP_SERVICES = 4 };
enum { SHOP_DE, SHOP_FR };

struct shop {
    uv_loop_t loop;
    struct arena arena;
    struct topo topo;
    struct layout layout;
    char dir[64];
    struct kid door;
    bool ending; /* shop_end has been called */
    struct http_client *client;
    struct replica replica[SHOP_CELLS][SHOP_ZONES][SHOP_SERVICES];
};

/* One request to the door, and its answer. */
struct ask {
    bool done;
    enum http_failure failure;
    int status;
    char *head; /* "name: value\n" of each header */
    char *body;
    size_t len;
};

/* `argc, argv` are main's. True when this is the door; *status is its exit status then. */
bool shop_is_door(int argc, char **argv, int *status);

/* Open with this policy ("" for the presets), no replica yet, and wait until the door answers. */
void shop_open(struct shop *s, const char *policy);

/* The same, and the door may have no more than so many descriptors. */
void shop_open_few(struct shop *s, const char *policy, const char *files_max);

/* As shop_open, and the door's tape goes to DIR/door.tape. */
void shop_open_taped(struct shop *s, const char *policy);

/* Send SIGTERM to the door. */
void shop_end(struct shop *s);

/* End the door, if that has not been done; it must end with 0. */
void shop_close(struct shop *s);

/* Open all replicas of a service in a cell, with this mode or judge. */
void shop_staff(struct shop *s, size_t cell, enum layout_service kind, enum replica_mode mode,
                replica_judge *judge, void *context);
struct replica *shop_replica(struct shop *s, size_t cell, size_t zone, enum layout_service kind);

/* Requests that all replicas of a service in a cell have got, and hold. */
size_t shop_requests(struct shop *s, size_t cell, enum layout_service kind);
size_t shop_held(struct shop *s, size_t cell, enum layout_service kind);
void shop_release(struct shop *s, size_t cell, enum layout_service kind);

/* Ask the door; `a` is overwritten and stays where it is until it is done. */
void shop_ask(struct shop *s, struct ask *a, const char *method, const char *target,
              const struct http_header *headers, size_t count, const void *body, size_t len);

/* The same, and wait for the answer. Release it by ask_release. */
struct ask shop_get(struct shop *s, const char *target);
void ask_release(struct ask *a);

/* Wait for all; returns how many have this status. Releases them. */
size_t shop_wait(struct shop *s, struct ask *asks, size_t count, int status);

/* What the door's socket says, in `a`. */
struct status shop_status(struct shop *s, struct arena *a);

/* Whether DIR/door.log has this in it. */
bool shop_logged(struct shop *s, const char *text);

/* Run the loop until the condition holds; fail after 20 s. */
#define SHOP_UNTIL(shop, condition)                                            \
    do {                                                                       \
        struct shop_patience patience_;                                        \
        shop_patience_begin(&patience_, &(shop)->loop);                        \
        while (!(condition) && patience_.ticks_left > 0)                       \
            uv_run(&(shop)->loop, UV_RUN_ONCE);                                \
        bool in_vain_ = patience_.ticks_left == 0;                             \
        shop_patience_end(&patience_, &(shop)->loop);                          \
        if (in_vain_)                                                          \
            fail_msg("line %d: waited in vain for: %s", __LINE__, #condition); \
    } while (0)

struct shop_patience { /* for SHOP_UNTIL: its ticks wake a loop in which nothing else happens */
    uv_timer_t timer;
    int ticks_left;
    bool closed;
};
void shop_patience_begin(struct shop_patience *p, uv_loop_t *loop);
void shop_patience_end(struct shop_patience *p, uv_loop_t *loop);

#endif
