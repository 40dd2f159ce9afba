/* scratch.h - a live system for a while: in a fresh temporary folder, on ports that are free.
 *
 * It is brought up and taken down by this very program, as a person would. Whatever happens in
 * between, scratch_end leaves no process and no folder behind, or says what it could not remove. */
#ifndef COMMANDS_SCRATCH_H
#define COMMANDS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/layout.h"

struct arena;
struct error;
struct topo;

struct scratch {
    char dir[64];   /* holds `state` and what belongs to it; "" when there is none */
    char state[80]; /* the state folder */
    char topology[80];
    char control[100];    /* control's socket */
    struct layout layout; /* its topology is borrowed */
    bool is_up;
    int64_t up_us; /* how long the last `up` took */
};

/* Make the folder, find the ports and write the topology there, by which both worlds go. 0, or -1
 * with `err` set. `topo` is borrowed until the end. */
int scratch_begin(struct scratch *s, const struct topo *topo, struct arena *a, struct error *err);

/* Bring it up and take it down, the data stays. 0, or -1 with `err` set to what was said. */
int scratch_up(struct scratch *s, struct error *err);
int scratch_down(struct scratch *s, struct error *err);

/* Run another command of this program on it: its words, ended by NULL, before "--state". */
int scratch_run(const struct scratch *s, const char *const *words, struct error *err);

/* The processes that work in its folder, by their command lines, which is apart from the system's
 * own lists. */
size_t scratch_processes(const struct scratch *s);

/* The process whose pid file is NAME.pid, as "door" or "zones/de/a/catalog"; 0: none. */
int64_t scratch_pid(const struct scratch *s, const char *name);

/* Take it down if it is up, see that no process is left, remove the folder. 0, or -1 with `err` set
 * and the folder left for a look. All zero is fine. */
int scratch_end(struct scratch *s, struct error *err);

#endif
