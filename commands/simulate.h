/* simulate.h - scenarios run for a command, one after the other: on threads, with Ctrl-C ending
 * them cleanly, and on a terminal how far they are and how long it still takes. */
#ifndef COMMANDS_SIMULATE_H
#define COMMANDS_SIMULATE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "commands/files.h"

struct arena;
struct error;
struct run_keep;
struct run_listener;
struct run_result;

struct simulate { /* set these, the rest to zero */
    int64_t seed;
    int64_t replications;
    int64_t jobs;       /* 0: as many threads as processors */
    const double *work; /* [variants] of a replication of each, in any unit; NULL: all the same */
    size_t variants;    /* how many will run */
    struct run_listener *listener; /* as in struct run_opts */
    int64_t listener_count;

    /* private */
    size_t variant;     /* that runs now */
    int64_t loaded;     /* of its replications: known, not run; by any thread */
    double work_before; /* run here, in the variants before it */
    double work_later;  /* in the variants after it */
    int64_t begin_us;
    int shown; /* characters on the terminal's line */
    bool terminal;
    struct sigaction before;
};

/* The work that one replication is about: its requests. */
double simulate_work(const struct files *files);

/* From here to simulate_end Ctrl-C ends what runs, once; a second one ends the program. */
void simulate_begin(struct simulate *s);

/* Run what is loaded as variant `variant`, from 0, in their order. `keep` may be NULL. As
 * run_scenario. */
int simulate_run(struct simulate *s, struct run_result *result, size_t variant,
                 const struct files *files, const struct run_keep *keep, struct arena *a,
                 struct error *err);

/* A replication of the variant that runs was known: it says nothing on how long the others take.
 * Any thread. */
void simulate_loaded(struct simulate *s);

/* What Ctrl-C sets to 1, for others who want to end a run. */
volatile sig_atomic_t *simulate_stop_flag(void);

/* Whether Ctrl-C came since simulate_begin. */
bool simulate_stopped(void);

/* Clear the line, and let Ctrl-C do what it did. */
void simulate_end(struct simulate *s);

/* "2 m 10 s" */
enum { SIMULATE_TIME_MAX = 32 };
void simulate_time(char out[SIMULATE_TIME_MAX], double seconds);

#endif
