/* member.h - a process as a member of its cell's gossip: the machine of control/gossip.h on a libuv
 * loop, over HTTP on the members' own ports.
 *
 * A message is the body of a POST to /gossip, sealed (control/gossip_seal.h); what is to be said to
 * the one who sent it rides on the answer. GET /gossip says what this member believes. Agents are
 * members, and so is each replica, whose process is given one from above. */
#ifndef CONTROL_LIVE_MEMBER_H
#define CONTROL_LIVE_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct arena;
struct error;
struct http_exchange;
struct layout;
struct member;
struct status_gossip;

#define MEMBER_PATH "/gossip"

/* How long a server that takes gossip had better keep a connection on which nobody speaks. */
enum { MEMBER_IDLE_US = 300000000 };

/* The process of `service` in that zone, an index into topo->services; behind them, the agent.
 * It joins at once. `l` and `loop` are borrowed. 0, or -1 with `err` set. */
int member_new(struct member **out, const struct layout *l, size_t cell, size_t zone,
               size_t service, uv_loop_t *loop, struct error *err);

/* A request whose path is /gossip. It is answered. */
void member_take(struct member *m, struct http_exchange *x);

/* While it is held it neither says nor hears anything, and joins anew afterwards. */
void member_hold(struct member *m, bool hold);

/* Whether it is cut off from most other zones, as far as its own links tell (control/fence.h). */
bool member_is_cut(const struct member *m);

/* What it believes, in `a`. 0, or -1 when memory is out. */
int member_status(const struct member *m, struct status_gossip *out, struct arena *a);

/* Say good-bye if `leave`, and free it, from the loop, which has to run on for that. NULL is
 * fine. */
void member_close(struct member *m, bool leave);

#endif
