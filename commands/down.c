#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/ask.h"
#include "commands/commands.h"
#include "commands/state.h"
#include "control/live/crew.h"
#include "wire/clock.h"

enum { ASK_MS = 500 };

struct down_options {
    const char *dir;
};

static const struct cli_option options[] = {
    {"state", CLI_STR, offsetof(struct down_options, dir), "DIR", 0, 0,
     "The state folder of the system (" STATE_DIR_DEFAULT ")"},
    {.type = CLI_END},
};

/* Whether it is one of ours, be it damaged: its mark, or a process of it, is enough. */
static bool is_system(const char *dir, const struct crew *crew, struct arena *a)
{
    static const char *const marks[] = {"bulkhead.json", "control.pid", "wanted"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const char *path = arena_format(a, "%s/%s", dir, marks[i]);
        if (path != NULL && access(path, F_OK) == 0)
            return true;
    }
    return crew->count > 0;
}

/* "control, 9 agents, door, 36 services" */
static void print_crew(const struct crew *crew)
{
    bool first = true;
    for (enum crew_role role = CREW_CONTROL; role <= CREW_SERVICE; role++) {
        size_t count = 0;
        for (size_t i = 0; i < crew->count; i++)
            count += crew->member[i].role == role;
        if (count == 0)
            continue;
        if (role == CREW_CONTROL || (role == CREW_DOOR && count == 1))
            printf("%s%s", first ? "" : ", ", crew_role_words[role]);
        else
            printf("%s%zu %s%s", first ? "" : ", ", count, crew_role_words[role],
                   count == 1 ? "" : "s");
        first = false;
    }
}

/* A fault is not to wait for the next `up`. */
static int remove_faults(const char *dir, struct arena *a, struct error *err)
{
    const char *path = arena_format(a, "%s/faults.json", dir);
    if (path == NULL)
        return error_memory(err);
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    return error_set(err, ERR_SYSTEM, "%s: cannot remove: %s", path, strerror(errno));
}

static int end_all(const char *dir, const struct crew *crew, struct arena *a, struct error *err)
{
    struct ask_reply reply;
    struct error ignored; /* it may not run, or be frozen: then it is ended like the others */
    size_t ended = 0;
    if (crew_want_not(dir, err) != 0)
        return -1;
    if (crew->count > 0)
        ask(&reply, dir, "control.sock", "POST", "/down", NULL, ASK_MS, a, &ignored);
    if (crew_stop(dir, &ended, err) != 0)
        return -1;
    return remove_faults(dir, a, err);
}

static int down(const char *dir, struct arena *a, struct error *err)
{
    int64_t began_us = clock_us();
    struct crew crew;
    if (access(dir, F_OK) != 0 && errno == ENOENT) {
        printf("nothing runs in %s: there is no such folder\n", dir);
        return 0;
    }
    int status = crew_find(&crew, dir, err);
    if (status == 0 && !is_system(dir, &crew, a))
        status = error_set(err, ERR_MISSING, "%s: is not a state folder of bulkhead", dir);
    if (status == 0)
        status = end_all(dir, &crew, a, err);
    if (status == 0 && crew.count == 0) {
        printf("nothing ran in %s\n", dir);
    } else if (status == 0) {
        printf("ended %zu process%s in %.2f s: ", crew.count, crew.count == 1 ? "" : "es",
               (double)(clock_us() - began_us) / 1e6);
        print_crew(&crew);
        printf("\n");
    }
    crew_release(&crew);
    return status;
}

static int down_main(int argc, char **argv)
{
    struct down_options o = {.dir = STATE_DIR_DEFAULT};
    struct arena a = {0};
    struct error err;
    int args;
    int status = cli_parse(&down_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    status = down(o.dir, &a, &err) == 0 ? EXIT_YES : cli_fail(err.text);
    arena_release(&a);
    return status;
}

const struct cli_command down_command = {
    "down",
    down_main,
    "",
    0,
    0,
    "End a running system; its data stays",
    "Every process is found by its pid file, whatever has been killed before. Faults end too.",
    options,
};
