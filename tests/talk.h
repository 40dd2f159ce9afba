/* talk.h - plain HTTP from a test: a request out, its answer in, blocking; and sockets that listen.
 *
 * Requests of several connections may be sent before the first answer is heard. All fail the test
 * that runs, also when an answer takes longer than anybody would wait. */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include <stdbool.h>
#include <stddef.h>

struct talk { /* release with talk_close */
    int fd;   /* -1: nobody listens */
    int status;
    char *head; /* of the last answer, with its status line; text */
    char *body; /* text */
    size_t len;
};

/* The first of `count` ports in a row that nobody uses, below the ephemeral ones. */
int talk_ports(int count);

/* Connect to 127.0.0.1. */
void talk_open(struct talk *t, int port);
void talk_close(struct talk *t);

/* Send a request. `key` is an Idempotency-Key and `more` further header lines, each ended by CRLF;
 * both may be NULL, and `body`, which is sent as JSON unless `more` has a Content-Type. */
void talk_send(struct talk *t, const char *method, const char *target, const char *key,
               const char *more, const char *body);

/* Hear the answer. False when the connection has ended instead. */
bool talk_hear(struct talk *t, bool is_head);

/* Both; returns the status. */
int talk(struct talk *t, const char *method, const char *target, const char *key, const char *more,
         const char *body);

/* A header of the last answer, good until the next; NULL: not there. */
const char *talk_header(struct talk *t, const char *name);

/* A socket that listens on a port, and the next one that connects to it. */
int talk_listen(int port);
int talk_accept(int listener);

/* Read from an accepted connection until its request is whole, and answer it. The request's head is
 * good until the next. */
const char *talk_take(int fd);
void talk_give(int fd, const char *answer);

#endif
