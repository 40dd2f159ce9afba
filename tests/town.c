#include "tests/town.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "region/live/service.h"

#define WORLD(service, policy)                                                                  \
    "{\"countries\": [\"DE\", \"GB\", \"FR\"],"                                                 \
    " \"cells\": {\"de\": {\"countries\": [\"DE\", \"GB\"], \"zones\": [\"a\", \"b\"]},"        \
    "             \"fr\": {\"zones\": [\"a\", \"b\"]}},"                                        \
    " \"services\": {\"customer\": " service ", \"vendor\": " service ", \"catalog\": " service \
    ", \"order\": " service "}, \"policy\": " policy "}"

static const char *const worlds[][2] = {
    {"wide", WORLD("{\"concurrency\": 64, \"queue\": 64}", "{\"timeout\": \"10s\"}")},
    {"narrow", WORLD("{\"concurrency\": 1, \"queue\": 1}", "{\"timeout\": \"20s\"}")},
    {"ranked", WORLD("{\"concurrency\": 1, \"queue\": 2, \"discipline\": \"priority\"}",
                     "{\"timeout\": \"20s\"}")},
    {"late", WORLD("{\"time\": \"150ms\", \"spread\": \"fixed\", \"concurrency\": 1,"
                   " \"drop_late\": true}",
                   "{\"spend\": true, \"timeout\": \"400ms\"}")},
    {"hasty", WORLD("{\"concurrency\": 64}", "{\"timeout\": \"400ms\"}")},
    {"slow",
     WORLD("{\"time\": \"30ms\", \"spread\": \"fixed\", \"concurrency\": 2}", "{\"spend\": true}")},
};

static void layout_make(struct layout *l, struct topo *topo, const char *world, const char *dir,
                        int port, struct arena *a)
{
    struct error err;
    const char *text = NULL;
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++)
        if (strcmp(worlds[i][0], world) == 0)
            text = worlds[i][1];
    if (text == NULL || topo_parse(topo, text, strlen(text), NULL, 0, a, &err) != 0 ||
        layout_init(l, topo, dir, port, &err) != 0) {
        fprintf(stderr, "%s: %s\n", world, text == NULL ? "no such world" : err.text);
        abort();
    }
}

/* The role: world, folder, port, zone, service. What it logs is heard by the test. */
static int role_service(char **args)
{
    struct arena a = {0};
    struct topo topo;
    struct layout l;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
    dup2(KID_FD, STDERR_FILENO);
    layout_make(&l, &topo, args[0], args[1], (int)strtol(args[2], NULL, 10), &a);
    int status = service_run(&l, 0, strtoul(args[3], NULL, 10), strtoul(args[4], NULL, 10), NULL);
    arena_release(&a);
    return status;
}

void town_make(struct town *t, const char *world)
{
    *t = (struct town){.world = world, .port = talk_ports(1 + 2 * ZONES * (SERVICES + 1))};
    folder_make(t->folder, sizeof t->folder);
}

int town_port(const struct town *t, size_t zone, size_t service)
{
    return t->port + 1 + (int)(zone * (SERVICES + 1) + service);
}

/* Start a replica, and hear its first line. */
void town_begin(struct town *t, size_t zone, size_t service, char *line, size_t size)
{
    char numbers[3][16];
    snprintf(numbers[0], sizeof numbers[0], "%d", t->port);
    snprintf(numbers[1], sizeof numbers[1], "%zu", zone);
    snprintf(numbers[2], sizeof numbers[2], "%zu", service);
    const char *const args[] = {t->world, t->folder, numbers[0], numbers[1], numbers[2], NULL};
    kid_start(&t->kid[zone][service], "service", args);
    assert_true(kid_hear(t->kid[zone][service].fd, line, size));
}

void town_start(struct town *t, size_t zone, size_t service)
{
    char line[512];
    town_begin(t, zone, service, line, sizeof line);
    if (strstr(line, " serves on port ") == NULL)
        fail_msg("%s", line);
}

void town_stop(struct town *t, size_t zone, size_t service)
{
    kill(t->kid[zone][service].pid, SIGTERM);
    assert_int_equal(kid_wait(&t->kid[zone][service]), 0);
}

void town_end(struct town *t)
{
    for (size_t zone = 0; zone < ZONES; zone++)
        for (size_t service = 0; service < SERVICES; service++)
            if (t->kid[zone][service].pid != 0)
                town_stop(t, zone, service);
    folder_remove(t->folder);
}

int town_ask(const struct town *t, size_t zone, size_t service, struct talk *talk_,
             const char *method, const char *target, const char *key, const char *body)
{
    talk_open(talk_, town_port(t, zone, service));
    return talk(talk_, method, target, key, NULL, body);
}

/* The status alone. */
int town_quick(const struct town *t, size_t zone, size_t service, const char *method,
               const char *target, const char *key, const char *body)
{
    struct talk c;
    int status = town_ask(t, zone, service, &c, method, target, key, body);
    talk_close(&c);
    return status;
}

size_t town_count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

bool town_role(int argc, char **argv, int *status)
{
    if (argc < 7 || strcmp(argv[1], "service") != 0)
        return false;
    *status = role_service(argv + 2);
    return true;
}
