/* replica.h - a replica by hand: an HTTP server for tests that does as it is told, well or badly.
 *
 * It knows as much HTTP as our own client sends, and none of our code, so that it can do what a
 * good server cannot: hold an answer, cut it short, answer nonsense, hang up, die. */
#ifndef TESTS_REPLICA_H
#define TESTS_REPLICA_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

enum replica_mode {
    REPLICA_ANSWERS, /* with `reply` */
    REPLICA_HOLDS,   /* until replica_release */
    REPLICA_SHEDS,   /* 503 */
    REPLICA_GARBLES, /* not HTTP */
    REPLICA_CUTS,    /* half of an answer, then the end */
    REPLICA_HANGS_UP,
    REPLICA_RESETS,
};

struct replica;

/* What to do with a request; `head` ends with its blank line, and is a string. */
typedef enum replica_mode replica_judge(void *context, struct replica *r, const char *head,
                                        const char *body, size_t len);

struct replica { /* set mode, judge, context and reply; read the rest */
    enum replica_mode mode;
    replica_judge *judge; /* instead of `mode`; NULL: nobody */
    void *context;
    const char *reply; /* all of it, head and body; NULL: a small 200 */
    size_t reply_len;
    size_t zone, service;
    int port;
    size_t requests, held;
    char head[4096]; /* of the last request */
    bool open;
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct replica_conn *conns;
    size_t handles; /* not closed yet */
};

/* All zero but for what is to be set. Listens on 127.0.0.1:port. */
void replica_open(struct replica *r, uv_loop_t *loop, int port);

/* As if its process were killed: nobody listens, connections are reset. Then it can be opened
 * again. */
void replica_kill(struct replica *r);

/* Close the connections that wait for a request, as servers do after a while. */
void replica_drop_idle(struct replica *r);

/* Answer what is held. */
void replica_release(struct replica *r);

/* The value of a header in a head, copied; NULL: none. The same static storage every time. */
const char *replica_header(const char *head, const char *name);

#endif
