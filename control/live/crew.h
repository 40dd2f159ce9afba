/* crew.h - every process of a live system, found by the pid files below its folder.
 *
 * It asks no process and reads no topology, so it works whatever has been killed or damaged. It
 * blocks: it is for commands, and for a control process that is about to end. */
#ifndef CONTROL_LIVE_CREW_H
#define CONTROL_LIVE_CREW_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/process.h"

struct error;

/* In the order in which they are ended: nobody starts again what has just been ended. */
enum crew_role { CREW_CONTROL, CREW_AGENT, CREW_DOOR, CREW_SERVICE };
extern const char *const crew_role_words[]; /* by role, ended by NULL */

struct crew_member {
    enum crew_role role;
    struct process process;
};

struct crew {
    struct crew_member *member;
    size_t count, size;
};

/* Those that run now, without this process. 0, or -1 with `err` set. To be released either way;
 * all zero is an empty crew. */
int crew_find(struct crew *crew, const char *dir, struct error *err);
void crew_release(struct crew *crew);

/* SIGTERM, and SIGKILL to those of a role that are still there after `patience_us`; role by role.
 * False when some remain even so. */
bool crew_end(const struct crew *crew, int64_t patience_us);

/* Their memory, pages that several share counted once in all; -1 when it cannot be read. */
int64_t crew_pss_bytes(const struct crew *crew);

/* The path by which another process of ours is started, of this very program; `room` may hold it.
 */
const char *crew_program(char room[PATH_MAX]);

/* The system is meant to run while DIR/wanted is there. A process claims its pid file first and
 * looks for it then, and ends if it is gone; who ends the system removes it first, and looks at
 * the pid files then. So none slips through. */
int crew_want(const char *dir, struct error *err);
int crew_want_not(const char *dir, struct error *err);
bool crew_is_wanted(const char *dir);

/* crew_want_not, and find and end until nobody is left. 0 with the number of those ended added to
 * *ended, or -1 with `err` set. */
int crew_stop(const char *dir, size_t *ended, struct error *err);

#endif
