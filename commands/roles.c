#include "commands/roles.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/state.h"
#include "control/live/agent.h"
#include "control/live/control.h"
#include "control/live/crew.h"
#include "control/live/door.h"
#include "control/live/member.h"
#include "control/partition.h"
#include "region/live/service.h"
#include "wire/log.h"
#include "wire/process.h"

struct role_options {
    const char *dir, *cell, *zone, *service;
    int64_t number; /* of a door */
};

#define OPTION(member_, name_, arg_, doc_)                                       \
    {                                                                            \
        name_, CLI_STR, offsetof(struct role_options, member_), arg_, 0, 0, doc_ \
    }
#define STATE   OPTION(dir, "state", "DIR", "The state folder (" STATE_DIR_DEFAULT ")")
#define CELL    OPTION(cell, "cell", "CELL", "Its cell")
#define ZONE    OPTION(zone, "zone", "ZONE", "Its zone")
#define SERVICE OPTION(service, "service", "SERVICE", "Its service")

static const struct cli_option system_options[] = {STATE, {.type = CLI_END}};
static const struct cli_option door_options[] = {STATE,
                                                 {"number", CLI_I64,
                                                  offsetof(struct role_options, number), "N", 1,
                                                  LAYOUT_DOORS_MAX, "Which of the doors (1)"},
                                                 {.type = CLI_END}};
static const struct cli_option agent_options[] = {STATE, CELL, ZONE, {.type = CLI_END}};
static const struct cli_option service_options[] = {STATE, CELL, ZONE, SERVICE, {.type = CLI_END}};

struct role { /* a loaded one */
    const struct cli_command *command;
    struct arena arena;
    struct state state;
    size_t cell, zone, service;
    int door; /* from 0 */
};

/* ---- who am I ---- */

/* The place of `name` among `count` names, each at the beginning of an item of `size` bytes. */
static int find(size_t *index, const char *option, const char *name, const void *items,
                size_t count, size_t size, struct error *err)
{
    if (name == NULL)
        return error_set(err, ERR_MISSING, "--%s is missing", option);
    for (*index = 0; *index < count; ++*index) {
        const char *one;
        memcpy(&one, (const char *)items + *index * size, sizeof one);
        if (strcmp(one, name) == 0)
            return 0;
    }
    return error_set(err, ERR_UNKNOWN, "--%s %s: the topology has none of that name", option, name);
}

static int place(struct role *r, const struct role_options *o, struct error *err)
{
    const struct topo *topo = &r->state.topo;
    if (r->command->options == system_options)
        return 0;
    r->door = (int)o->number - 1;
    if (r->command->options == door_options)
        return r->door < r->state.layout.doors
                   ? 0
                   : error_set(err, ERR_UNKNOWN, "--number: the system has %d door%s",
                               r->state.layout.doors, r->state.layout.doors == 1 ? "" : "s");
    r->cell = 0;
    while (r->cell < topo->cell_count && o->cell != NULL &&
           strcmp(topo->cells[r->cell].name, o->cell) != 0)
        r->cell++;
    if (o->cell == NULL || r->cell == topo->cell_count)
        return error_set(err, ERR_UNKNOWN, "--cell: expected a cell of the topology, got %s",
                         o->cell == NULL ? "nothing" : o->cell);
    const struct topo_cell *cell = &topo->cells[r->cell];
    if (find(&r->zone, "zone", o->zone, cell->zones, cell->zone_count, sizeof cell->zones[0],
             err) != 0)
        return -1;
    if (r->command->options == agent_options)
        return 0;
    return find(&r->service, "service", o->service, topo->services, topo->service_count,
                sizeof topo->services[0], err);
}

static const char *pid_file(struct role *r)
{
    const struct layout *l = &r->state.layout;
    if (r->command->options == system_options) {
        const char *name = arena_format(&r->arena, "%s.pid", r->command->name);
        return name == NULL ? NULL : layout_file(l, name, &r->arena);
    }
    if (r->command->options == door_options)
        return layout_door(l, r->door, "pid", &r->arena);
    if (r->command->options == agent_options)
        return layout_agent(l, r->cell, r->zone, "pid", &r->arena);
    return layout_replica(l, r->cell, r->zone, r->service, "pid", &r->arena);
}

/* First claim, then look whether the system is wanted: see control/live/crew.h. */
static int enter(struct role *r, const struct role_options *o, struct error *err)
{
    if (chdir(o->dir) != 0) /* paths of sockets are short from here */
        return error_set(err, ERR_SYSTEM, "%s: cannot work there", o->dir);
    if (state_open(&r->state, ".", &r->arena, err) != 0 || place(r, o, err) != 0)
        return -1;
    const char *path = pid_file(r);
    if (path == NULL)
        return error_memory(err);
    if (process_claim(path, err) != 0)
        return -1;
    if (!crew_is_wanted("."))
        return error_set(err, ERR_CONFLICT, "the system is to be down: bulkhead up starts it");
    return 0;
}

/* As many connections as the system lets us have; and a name for the list of processes. */
static void settle(const char *name)
{
    char title[16];
    snprintf(title, sizeof title, "bulkhead-%s", name);
    prctl(PR_SET_NAME, title, 0, 0, 0);
    process_raise_files();
}

static int run(const struct cli_command *command, int argc, char **argv,
               int (*body)(const struct role *r))
{
    struct role_options o = {.dir = STATE_DIR_DEFAULT, .number = 1};
    struct role r = {.command = command};
    struct error err;
    int args;
    int status = cli_parse(command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    settle(command->name);
    if (enter(&r, &o, &err) == 0) {
        status = body(&r);
    } else {
        log_line("bulkhead %s: %s", command->name, err.text);
        status = EXIT_MISUSE;
    }
    arena_release(&r.arena);
    return status;
}

/* ---- the roles ---- */

static int control_body(const struct role *r)
{
    return control_run(&r->state.layout, r->state.name);
}

static int door_body(const struct role *r)
{
    return door_run(&r->state.layout, r->door);
}

static int agent_body(const struct role *r)
{
    return agent_run(&r->state.layout, r->cell, r->zone);
}

/* A replica gossips with the processes of its cell; what gossip is, region knows nothing of. */
static int begin_member(void **guest, const struct layout *l, size_t cell, size_t zone,
                        size_t service, uv_loop_t *loop, struct error *err)
{
    struct member *m;
    if (member_new(&m, l, cell, zone, service, loop, err) != 0)
        return -1;
    *guest = m;
    return 0;
}

static void take_gossip(void *guest, struct http_exchange *x)
{
    member_take(guest, x);
}

static bool is_cut(void *guest)
{
    return member_is_cut(guest);
}

static void end_member(void *guest)
{
    member_close(guest, true);
}

static int service_body(const struct role *r)
{
    static const struct service_guest member = {.path = MEMBER_PATH,
                                                .begin = begin_member,
                                                .take = take_gossip,
                                                .is_cut = is_cut,
                                                .end = end_member,
                                                .map_version = partition_version_of};
    return service_run(&r->state.layout, r->cell, r->zone, r->service, &member);
}

static int control_main(int argc, char **argv)
{
    return run(role_commands[0], argc, argv, control_body);
}

static int door_main(int argc, char **argv)
{
    return run(role_commands[1], argc, argv, door_body);
}

static int agent_main(int argc, char **argv)
{
    return run(role_commands[2], argc, argv, agent_body);
}

static int service_main(int argc, char **argv)
{
    return run(role_commands[3], argc, argv, service_body);
}

#define MORE "A part of a live system: bulkhead up starts it."

static const struct cli_command control_command = {
    "control", control_main, "", 0, 0, "Be the control process", MORE, system_options};
static const struct cli_command door_command = {"door", door_main,         "",   0,
                                                0,      "Be a front door", MORE, door_options};
static const struct cli_command agent_command = {
    "agent", agent_main, "", 0, 0, "Be the agent of a zone", MORE, agent_options};
static const struct cli_command service_command = {
    "service", service_main, "", 0, 0, "Be a replica of a service", MORE, service_options};

const struct cli_command *const role_commands[] = {&control_command, &door_command, &agent_command,
                                                   &service_command, NULL};
