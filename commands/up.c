#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/commands.h"
#include "commands/files.h"
#include "commands/ports.h"
#include "commands/state.h"
#include "commands/status_fetch.h"
#include "control/live/crew.h"
#include "control/pace.h"
#include "control/status.h"
#include "wire/clock.h"
#include "wire/log.h"
#include "wire/process.h"
#include "wire/text_file.h"

#define TOPOLOGY_DEFAULT "three-countries.json"
enum {
    LIMIT_US = 30000000,
    LIMIT_US_EACH = 100000, /* for each process, where there are more than 300 */
    STEPS = 20,             /* looks while one process looks after another once */
    REASONS_MAX = 8,
    STORE_BYTES = 128 << 10,   /* a new store's */
    ROOM_BYTES_MIN = 16 << 10, /* with less nothing can be written */
    ENDS_MAX = 6, /* in a row, of one that has never been well: it will not become well either */
};

struct up_options {
    const char *dir;
    int64_t port, doors; /* 0: not given */
    const char *tape;
};

static const struct cli_option options[] = {
    {"state", CLI_STR, offsetof(struct up_options, dir), "DIR", 0, 0,
     "The folder that holds all of it (" STATE_DIR_DEFAULT ")"},
    {"port", CLI_I64, offsetof(struct up_options, port), "N", 1, LAYOUT_PORT_MAX,
     "The door's port, and the first of all (20000)"},
    {"doors", CLI_I64, offsetof(struct up_options, doors), "N", 1, LAYOUT_DOORS_MAX,
     "Front doors (1); the second and those after it have ports behind the cells'"},
    {"tape", CLI_STR, offsetof(struct up_options, tape), "FILE", 0, 0,
     "Record what the door is told and decides (bulkhead replay)"},
    {.type = CLI_END},
};

struct up { /* one run of the command */
    struct up_options o;
    const char *topology; /* NULL: the folder's own, or the default */
    struct arena arena;
    struct state state;
    enum state_found found;
    int64_t began_us;
    size_t running; /* processes that ran before */
    struct process control;
    bool started;         /* by us; else it ran before */
    struct status status; /* the last one heard, in `heard` */
    struct arena heard;
    bool is_heard;
    int shown; /* replicas in the progress line */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* ---- the folder ---- */

static bool same_text(const struct files_text *a, const struct files_text *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
}

/* Whether the files that the topology names are what was copied. 1, 0, or -1 with `err` set. */
static int same_times(struct up *u, const struct files_text *file, struct error *err)
{
    struct files_text times[TOPO_SERVICES_MAX] = {{NULL, 0}};
    struct topo topo;
    if (topo_parse(&topo, file->text, file->len, NULL, 0, &u->arena, err) != 0 ||
        files_times(&topo, u->topology, times, &u->arena, err) != 0)
        return error_prefix(err, "%s", u->topology);
    for (size_t i = 0; i < topo.service_count; i++)
        if (!same_text(&times[i], &u->state.times[i]))
            return 0;
    return 1;
}

static int same_topology(struct up *u, struct error *err)
{
    struct files_text file, held = {u->state.text, u->state.len};
    if (u->topology == NULL)
        return 0;
    if (files_read(&file.text, &file.len, u->topology, &u->arena, err) != 0)
        return -1;
    int same = same_text(&file, &held) ? same_times(u, &file, err) : 0;
    if (same != 0)
        return same < 0 ? -1 : 0;
    return error_set(err, ERR_CONFLICT,
                     "%s holds the system of another topology, %s: give %s another folder by "
                     "--state, or leave it out",
                     u->o.dir, u->state.name, u->topology);
}

/* Its doors and ports are fixed while it runs. */
static int same_layout(struct up *u, struct error *err)
{
    struct layout *l = &u->state.layout;
    int port = u->o.port == 0 ? l->port : (int)u->o.port;
    int doors = u->o.doors == 0 ? l->doors : (int)u->o.doors;
    if (port == l->port && doors == l->doors)
        return 0;
    if (u->running > 0)
        return error_set(err, ERR_CONFLICT,
                         "%s runs on port %d with %d door%s: bulkhead down ends it", u->o.dir,
                         l->port, l->doors, l->doors == 1 ? "" : "s");
    if (layout_init(l, &u->state.topo, u->o.dir, port, err) != 0)
        return -1;
    return layout_doors(l, doors, err);
}

static int load(struct up *u, struct error *err)
{
    struct crew crew;
    if (state_look(&u->found, u->o.dir, err) != 0)
        return -1;
    if (u->found != STATE_WHOLE)
        return state_plan(&u->state, u->o.dir,
                          u->topology == NULL ? files_example(TOPOLOGY_DEFAULT, &u->arena)
                                              : u->topology,
                          u->o.port == 0 ? LAYOUT_PORT_DEFAULT : u->o.port,
                          u->o.doors == 0 ? 1 : u->o.doors, &u->arena, err);
    int status = crew_find(&crew, u->o.dir, err);
    u->running = crew.count;
    crew_release(&crew);
    if (status != 0 || state_open(&u->state, u->o.dir, &u->arena, err) != 0 ||
        same_topology(u, err) != 0)
        return -1;
    return same_layout(u, err);
}

static int save(struct up *u, struct error *err)
{
    if (u->found != STATE_WHOLE)
        return state_make(&u->state, &u->arena, err);
    if ((u->o.port != 0 || u->o.doors != 0) && u->running == 0 &&
        state_rewrite(&u->state, &u->arena, err) != 0)
        return -1;
    return state_make_folders(&u->state, &u->arena, err);
}

/* Bytes that we may still write on the disk of the folder; -1: it cannot be told. */
static int64_t room_bytes(const struct up *u)
{
    struct statvfs disk;
    if (statvfs(u->o.dir, &disk) != 0)
        return -1;
    return (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
}

/* A replica whose store finds no room ends, and its log finds none to say so: it is told here. */
static int check_room(const struct up *u, struct error *err)
{
    const struct topo *topo = u->state.layout.topo;
    int64_t needed = (int64_t)(topo->cell_count * topo->service_count) * STORE_BYTES;
    int64_t room = room_bytes(u);
    if (room < 0 || room >= needed || u->running > 0)
        return 0;
    return error_set(err, ERR_SYSTEM,
                     "%s: its disk is full: %lld KiB are free, and %zu stores need %lld KiB",
                     u->o.dir, (long long)(room / 1024), topo->cell_count * topo->service_count,
                     (long long)(needed / 1024));
}

/* DIR/tape names the file for the door's tape, by its whole path (control/live/door_tape.h). */
static int want_tape(struct up *u, struct error *err)
{
    const char *told = layout_file(&u->state.layout, "tape", &u->arena);
    struct text_file_stamp stamp;
    if (told == NULL)
        return error_memory(err);
    if (u->o.tape == NULL) {
        if (u->running == 0)
            unlink(told);
        return 0;
    }
    if (u->running > 0)
        return error_set(err, ERR_CONFLICT, "--tape: %s runs already: bulkhead down ends it",
                         u->o.dir);
    if (access(u->o.tape, F_OK) == 0)
        return error_set(err, ERR_CONFLICT, "--tape %s: the file is there already", u->o.tape);
    char *here = u->o.tape[0] == '/' ? NULL : getcwd(NULL, 0);
    const char *path = u->o.tape[0] == '/' ? u->o.tape
                       : here == NULL      ? NULL
                                           : arena_format(&u->arena, "%s/%s", here, u->o.tape);
    free(here);
    if (path == NULL)
        return error_memory(err);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "--tape %s: %s", path, strerror(errno));
    close(fd);
    unlink(path); /* it can be made: the door makes it */
    return text_file_replace(told, path, strlen(path), &stamp, err);
}

/* ---- starting ---- */

static int start_control(struct up *u, struct error *err)
{
    const char *pid_file = layout_file(&u->state.layout, "control.pid", &u->arena);
    const char *log = layout_file(&u->state.layout, "control.log", &u->arena);
    if (pid_file == NULL || log == NULL)
        return error_memory(err);
    process_release(&u->control);
    if (process_find(&u->control, pid_file, err) != 0)
        return -1;
    if (u->control.pid != 0)
        return 0;
    process_release(&u->control);
    char *dir = realpath(u->o.dir, NULL);
    char program[PATH_MAX];
    const char *argv[] = {crew_program(program), "control", "--state", dir, NULL};
    const struct process_spawn_opts opts = {.argv = argv, .log = log};
    pid_t pid;
    int status = dir == NULL ? error_set(err, ERR_SYSTEM, "%s: %s", u->o.dir, strerror(errno))
                             : process_spawn(&opts, &pid, err);
    free(dir);
    if (status == 0)
        u->control = (struct process){.pid = pid, .fd = pidfd_open(pid, 0)};
    u->started = status == 0;
    return status;
}

/* ---- waiting ---- */

/* A cell with a fault is not waited for. */
static bool has_fault(const struct status *s, const struct status_cell *cell)
{
    size_t len = strlen(cell->name);
    for (size_t i = 0; i < s->fault_count; i++)
        if (strncmp(s->faults[i].scope, cell->name, len) == 0 &&
            (s->faults[i].scope[len] == '/' || s->faults[i].scope[len] == '\0'))
            return true;
    return false;
}

static bool is_ready(const struct status *s)
{
    if (s->healthy || s->fault_count == 0)
        return s->healthy;
    for (size_t i = 0; i < s->cell_count; i++)
        if (s->cells[i].health < STATUS_OK && !has_fault(s, &s->cells[i]))
            return false;
    return s->requests >= 0; /* the door says so */
}

static void show_progress(struct up *u)
{
    long up = 0, wanted = 0;
    for (size_t i = 0; i < u->status.cell_count; i++)
        for (size_t k = 0; k < u->status.cells[i].zone_count; k++) {
            const struct status_zone *zone = &u->status.cells[i].zones[k];
            up += zone->up > 0 ? (long)zone->up : 0;
            wanted += zone->wanted > 0 ? (long)zone->wanted : 0;
        }
    if (!isatty(STDERR_FILENO) || up == u->shown)
        return;
    u->shown = (int)up;
    fprintf(stderr, "\r%ld of %ld replicas answer ", up, wanted);
}

static void end_progress(const struct up *u)
{
    if (u->shown >= 0)
        fprintf(stderr, "\r%*s\r", 40, "");
}

static bool control_has_ended(const struct up *u)
{
    return u->control.pid != 0 && (u->control.fd < 0 || process_wait_gone(&u->control, 0));
}

/* The control that we wait for has ended. Another may have its place: one that was starting when we
 * looked, and then was faster. One that was dying when we found it is followed by ours. */
static int replace_control(struct up *u, struct error *err)
{
    const char *pid_file = layout_file(&u->state.layout, "control.pid", &u->arena);
    const char *log = layout_file(&u->state.layout, "control.log", &u->arena);
    char last[400];
    if (pid_file == NULL || log == NULL)
        return error_memory(err);
    if (!crew_is_wanted(u->o.dir))
        return error_set(err, ERR_CONFLICT, "%s: bulkhead down is ending it, or has", u->o.dir);
    if (!u->started)
        return start_control(u, err);
    log_last(log, last, sizeof last);
    process_release(&u->control);
    if (process_find(&u->control, pid_file, err) != 0)
        return -1;
    if (u->control.pid == 0)
        return error_set(err, ERR_SYSTEM, "control has ended: %s", last);
    u->started = false;
    return 0;
}

/* A large system starts on the same machine as a small one. */
static int64_t limit_us(const struct up *u)
{
    int64_t us = (int64_t)layout_processes(&u->state.layout) * LIMIT_US_EACH;
    return us < LIMIT_US ? LIMIT_US : us;
}

static int step_ms(const struct up *u)
{
    return (int)(pace_us(layout_processes(&u->state.layout)) / 1000 / STEPS);
}

/* Hear a status if there is one. */
static int listen_once(struct up *u, struct status_fetcher *f, struct error *err)
{
    struct arena a = {0};
    struct status s;
    struct error silent;
    int got = status_fetch_step(f, step_ms(u), &s, &a, &silent);
    if (got == 0) {
        arena_release(&u->heard);
        u->heard = a;
        u->status = s;
        u->is_heard = true;
        return 0;
    }
    arena_release(&a);
    return control_has_ended(u) ? replace_control(u, err) : 0;
}

/* Between two questions, for who is ready says so soon enough. */
static void rest(const struct up *u)
{
    poll(NULL, 0, step_ms(u));
}

static int too_late(const struct up *u, struct error *err)
{
    char text[sizeof err->text];
    size_t used = 0, told = 0;
    text[0] = '\0';
    for (size_t i = 0; u->is_heard && i < u->status.cell_count && told < REASONS_MAX; i++) {
        const struct status_cell *cell = &u->status.cells[i];
        if (cell->health >= STATUS_OK || used >= sizeof text)
            continue;
        int n = snprintf(text + used, sizeof text - used, "%s%s is %s (%s)", told == 0 ? "" : "; ",
                         cell->name, status_health_words[cell->health], cell->why);
        used += n > 0 ? (size_t)n : 0;
        told++;
    }
    int64_t room = room_bytes(u);
    const char *why = room >= 0 && room < ROOM_BYTES_MIN ? "the disk of its folder is full"
                      : !u->is_heard                     ? "control does not answer"
                      : told > 0                         ? text
                                                         : "a door does not answer";
    return error_set(err, ERR_SYSTEM, "not healthy after %d s: %s", (int)(limit_us(u) / 1000000),
                     why);
}

/* A zone that has never been well, one of whose processes ends again and again. */
static int look_for_loop(const struct up *u, struct error *err)
{
    for (size_t i = 0; u->is_heard && i < u->status.cell_count; i++)
        for (size_t k = 0; k < u->status.cells[i].zone_count; k++) {
            const struct status_zone *zone = &u->status.cells[i].zones[k];
            if (zone->health == STATUS_STARTING && zone->ends >= ENDS_MAX)
                return error_set(err, ERR_SYSTEM, "%s/%s does not become healthy: %s",
                                 u->status.cells[i].name, zone->name, zone->why);
        }
    return 0;
}

static int await(struct up *u, struct error *err)
{
    struct status_fetcher f;
    int status = 0;
    status_fetcher_init(&f, u->o.dir);
    while (status == 0 && !(u->is_heard && is_ready(&u->status))) {
        if (interrupted)
            status = error_set(err, ERR_NONE, "interrupted");
        else if (clock_us() - u->began_us > limit_us(u))
            status = too_late(u, err);
        else if (look_for_loop(u, err) != 0)
            status = -1;
        else
            status = listen_once(u, &f, err);
        if (u->is_heard)
            show_progress(u);
        if (status == 0 && !(u->is_heard && is_ready(&u->status)))
            rest(u);
    }
    end_progress(u);
    status_fetcher_release(&f);
    return status;
}

/* ---- all of it ---- */

/* What ran before goes on running. */
static int take_back(struct up *u, struct error *err)
{
    size_t ended = 0;
    struct error other;
    if (!crew_is_wanted(u->o.dir))
        return -1;
    if (u->running > 0) {
        fprintf(stderr, "bulkhead: what ran before goes on (bulkhead status, bulkhead down)\n");
        return -1;
    }
    if (crew_stop(u->o.dir, &ended, &other) != 0)
        return error_prefix(err, "%s", other.text);
    if (ended > 0)
        fprintf(stderr, "bulkhead: ended %zu processes again; their logs are in %s\n", ended,
                u->o.dir);
    return -1;
}

static int report(struct up *u, struct error *err)
{
    struct crew crew;
    if (crew_find(&crew, u->o.dir, err) != 0) {
        crew_release(&crew);
        return -1;
    }
    size_t faults = u->status.fault_count, cells = u->status.cell_count;
    bool before = !u->started;
    printf("%s%s: %zu cell%s, %zu processes, port %d, %.2f s%s\n", before ? "already up, " : "",
           faults == 0 ? "healthy" : "as well as the faults allow", cells, cells == 1 ? "" : "s",
           crew.count, u->state.layout.port, (double)(clock_us() - u->began_us) / 1e6,
           faults == 0 ? "" : " (bulkhead fault lists what is on)");
    crew_release(&crew);
    return 0;
}

static int start(struct up *u, struct error *err)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    struct sigaction before_int, before_term;
    sigaction(SIGINT, &action, &before_int); /* a second one ends us at once */
    sigaction(SIGTERM, &action, &before_term);
    int status = crew_want(u->o.dir, err);
    if (status == 0)
        status = start_control(u, err);
    if (status == 0)
        status = await(u, err);
    if (status != 0)
        take_back(u, err);
    sigaction(SIGINT, &before_int, NULL);
    sigaction(SIGTERM, &before_term, NULL);
    return status != 0 ? -1 : report(u, err);
}

/* The lock is on the folder, so that has to be there first; what is in it is looked at again. */
static int locked(struct up *u, struct error *err)
{
    if (load(u, err) != 0 || ports_check(&u->state.layout, u->found == STATE_WHOLE, err) != 0)
        return -1;
    if (u->found == STATE_NONE && mkdir(u->o.dir, 0700) != 0 && errno != EEXIST)
        return error_set(err, ERR_SYSTEM, "%s: cannot make the folder: %s", u->o.dir,
                         strerror(errno));
    int lock = state_lock(u->o.dir, err);
    if (lock < 0)
        return -1;
    int status = load(u, err);
    if (status == 0)
        status = check_room(u, err);
    if (status == 0)
        status = save(u, err);
    if (status == 0)
        status = want_tape(u, err);
    if (status == 0)
        status = start(u, err);
    close(lock);
    return status;
}

static int up_main(int argc, char **argv)
{
    struct up u = {.o.dir = STATE_DIR_DEFAULT, .began_us = clock_us(), .shown = -1};
    struct error err = {.code = ERR_NONE};
    int args;
    int status = cli_parse(&up_command, argc, argv, &u.o, &args);
    if (status >= 0)
        return status;
    u.topology = args > 0 ? argv[1] : NULL;
    u.control.fd = -1;
    status = locked(&u, &err) == 0 ? EXIT_YES : cli_fail(err.text);
    if (status != EXIT_YES && (u.started || u.is_heard))
        status = EXIT_NO; /* it was tried */
    process_release(&u.control);
    arena_release(&u.heard);
    arena_release(&u.arena);
    return status;
}

const struct cli_command up_command = {
    "up",
    up_main,
    "[TOPOLOGY]",
    0,
    1,
    "Run a topology here, and return when every cell is healthy",
    "Without TOPOLOGY the one that the folder holds, or sim-configs/" TOPOLOGY_DEFAULT ".\n"
    "One process stands for each service in each zone, whatever the plan counts. A system that\n"
    "runs already is left as it is. Data outlives down and up.",
    options,
};
