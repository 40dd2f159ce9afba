/* ask.h - one request to a process of a live system, over its unix socket. */
#ifndef COMMANDS_ASK_H
#define COMMANDS_ASK_H

#include <stddef.h>

struct arena;
struct error;

struct ask_reply {
    int status;
    const char *body; /* the arena's, a NUL behind */
    size_t len;
};

/* Send `method` `target` with `body` (NULL: none), JSON, to DIR/SOCKET and wait for the answer.
 * Answers of 400 and more are errors with the sentence that came. 0, or -1 with `err` set:
 * ERR_MISSING when nobody listens there. */
int ask(struct ask_reply *reply, const char *dir, const char *socket_name, const char *method,
        const char *target, const char *body, int timeout_ms, struct arena *a, struct error *err);

#endif
