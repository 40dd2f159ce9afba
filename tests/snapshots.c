#include "tests/snapshots.h"

#include <math.h>
#include <stdio.h>

enum { CELLS = 27, ZONES = 3, SERVICES = 4 };

static struct status made;
static struct status_cell cells[CELLS];
static struct status_zone zones[CELLS][ZONES];
static struct status_replica replicas[CELLS][ZONES][SERVICES];
static const char *countries[CELLS][1];
static struct status_fault faults[2];

static const char *const services[SERVICES] = {"customer", "vendor", "catalog", "order"};
static const char *const zone_names[ZONES] = {"a", "b", "c"};

static struct status_event events[] = {
    {11000, "de is DEGRADED: zone b is down, 2 of 3 zones left"},
    {41000, "de/b is DOWN: fault 12 zone-down"},
    {41200, "fault 12 zone-down at de/b, for 3m"},
    {123000, "de/a order started again: exit 1"},
    {7380000, "fr is OK"},
    {7380400, "it is OK"},
    {7380900, "de is OK"},
    {7383000, "control started"},
};

static void make_zone(int c, int z, double rps, double share, double p99_ms)
{
    zones[c][z] = (struct status_zone){.name = zone_names[z],
                                       .health = STATUS_OK,
                                       .since_ms = 7380000,
                                       .up = SERVICES,
                                       .wanted = SERVICES,
                                       .rps = rps,
                                       .share = share,
                                       .p99_ms = p99_ms,
                                       .why = "",
                                       .agent_pid = 4100 + c * 10 + z,
                                       .replicas = replicas[c][z],
                                       .replica_count = SERVICES};
    for (int s = 0; s < SERVICES; s++)
        replicas[c][z][s] = (struct status_replica){.service = services[s],
                                                    .why = "",
                                                    .pid = 40200 + c * 100 + z * 10 + s,
                                                    .port = 20001 + (c * ZONES + z) * SERVICES + s,
                                                    .health = STATUS_OK};
}

static void make_cell(int c, const char *name, const char *country, const char *region, double rps,
                      double p99_ms)
{
    countries[c][0] = country;
    cells[c] = (struct status_cell){.name = name,
                                    .countries = countries[c],
                                    .country_count = 1,
                                    .region = region,
                                    .health = STATUS_OK,
                                    .since_ms = 7380000,
                                    .rps = rps,
                                    .p99_ms = p99_ms,
                                    .why = "",
                                    .zones = zones[c],
                                    .zone_count = ZONES};
    make_zone(c, 0, rps * 0.34, 0.34, p99_ms);
    make_zone(c, 1, rps * 0.33, 0.33, p99_ms - 1);
    make_zone(c, 2, rps * 0.33, 0.33, p99_ms - 1);
}

struct status *snapshot_well(void)
{
    made = (struct status){.topology = "shop.json",
                           .uptime_ms = 7383000,
                           .control_pid = 4001,
                           .door_pid = 4002,
                           .port = 20000,
                           .healthy = true,
                           .rps = 4077,
                           .requests = 167157,
                           .cells = cells,
                           .cell_count = 3,
                           .events = events + 4,
                           .event_count = 4};
    make_cell(0, "de", "DE", "eu-central", 1840, 24);
    make_cell(1, "it", "IT", "eu-south", 962, 17);
    make_cell(2, "fr", "FR", "eu-west", 1275, 18);
    return &made;
}

static void break_zone(int c, int z, int health, int64_t since_ms, const char *why)
{
    zones[c][z].health = health;
    zones[c][z].since_ms = since_ms;
    zones[c][z].why = why;
    zones[c][z].rps = 0;
    zones[c][z].share = 0;
    zones[c][z].errors = zones[c][z].p99_ms = NAN;
    zones[c][z].up = 0;
    for (int s = 0; s < SERVICES; s++) {
        replicas[c][z][s].health = health;
        replicas[c][z][s].pid = 0;
    }
}

struct status *snapshot_zone_down(void)
{
    snapshot_well();
    made.healthy = false;
    made.events = events;
    made.event_count = sizeof events / sizeof events[0];
    faults[0] = (struct status_fault){12, "zone-down", "de/b", "", "ana-1", 139000};
    made.faults = faults;
    made.fault_count = 1;
    cells[0].health = STATUS_DEGRADED;
    cells[0].since_ms = 41000;
    cells[0].p99_ms = 31;
    cells[0].why = "zone b is down, 2 of 3 zones left";
    break_zone(0, 1, STATUS_DOWN, 41000, "fault 12 zone-down");
    zones[0][0].rps = 939;
    zones[0][0].share = 0.51;
    zones[0][0].p99_ms = 31;
    zones[0][2].rps = 901;
    zones[0][2].share = 0.49;
    zones[0][2].p99_ms = 30;
    replicas[0][0][3].restarts = 2;
    return &made;
}

struct status *snapshot_failing(void)
{
    snapshot_zone_down();
    made.cell_count = 4;
    make_cell(3, "es", "ES", "eu-south", 0, NAN);
    made.lost = 5210;
    made.errors = 0.0534;
    made.rps = 3400;
    cells[1].health = STATUS_FAILING;
    cells[1].since_ms = 12400;
    cells[1].errors = 0.1886;
    cells[1].p99_ms = 1280;
    cells[1].lost = 2210;
    cells[1].why = "only one zone of three answers";
    break_zone(1, 0, STATUS_DOWN, 12900, "the agent does not answer");
    break_zone(1, 1, STATUS_DOWN, 12400, "catalog cannot be started: exit 127");
    zones[1][2].rps = 962;
    zones[1][2].share = 1;
    zones[1][2].errors = 0.1886;
    zones[1][2].p99_ms = 1280;
    zones[1][2].up = 3;
    zones[1][2].health = STATUS_FAILING;
    zones[1][2].since_ms = 12100;
    zones[1][2].why = "18.9 % of requests fail";
    replicas[1][2][2].health = STATUS_STARTING;
    replicas[1][2][2].restarts = 14;
    cells[2].health = STATUS_UNKNOWN;
    cells[2].since_ms = 31000;
    cells[2].rps = cells[2].errors = cells[2].p99_ms = NAN;
    cells[2].lost = -1;
    cells[2].why = "the door gives no numbers of it";
    for (int z = 0; z < ZONES; z++) {
        zones[2][z].health = STATUS_UNKNOWN;
        zones[2][z].since_ms = 31000;
        zones[2][z].rps = zones[2][z].share = zones[2][z].errors = zones[2][z].p99_ms = NAN;
        zones[2][z].up = -1;
    }
    cells[3].health = STATUS_DOWN;
    cells[3].since_ms = 3700000;
    cells[3].lost = 3000;
    cells[3].why = "no zone answers";
    faults[1] = (struct status_fault){13, "cell-down", "es", "", "ana-1", -1};
    made.fault_count = 2;
    for (int z = 0; z < ZONES; z++)
        break_zone(3, z, STATUS_DOWN, 3700000, "");
    return &made;
}

struct status *snapshot_idle(void)
{
    snapshot_well();
    made.rps = 0;
    made.errors = NAN;
    made.requests = 0;
    for (int c = 0; c < 3; c++) {
        cells[c].health = STATUS_IDLE;
        cells[c].rps = 0;
        cells[c].errors = cells[c].p99_ms = NAN;
        for (int z = 0; z < ZONES; z++) {
            zones[c][z].rps = 0;
            zones[c][z].share = zones[c][z].errors = zones[c][z].p99_ms = NAN;
        }
    }
    return &made;
}

struct status *snapshot_starting(void)
{
    snapshot_idle();
    made.uptime_ms = 400;
    made.healthy = false;
    made.rps = NAN;
    made.requests = made.lost = -1;
    made.event_count = 0;
    for (int c = 0; c < 3; c++) {
        cells[c].health = STATUS_STARTING;
        cells[c].since_ms = 400;
        cells[c].rps = NAN;
        cells[c].lost = -1;
        cells[c].why = "its services start";
        for (int z = 0; z < ZONES; z++) {
            zones[c][z].health = STATUS_STARTING;
            zones[c][z].since_ms = 400;
            zones[c][z].up = z;
            zones[c][z].rps = NAN;
        }
    }
    return &made;
}

struct status *snapshot_many(void)
{
    static const char *const names[CELLS] = {
        "at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu",
        "ie", "it", "lt", "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk",
    };
    static char upper[CELLS][3];
    snapshot_zone_down();
    struct status_cell de = cells[0];
    struct status_zone de_zones[ZONES] = {zones[0][0], zones[0][1], zones[0][2]};
    made.cell_count = CELLS;
    for (int c = 0; c < CELLS; c++) {
        snprintf(upper[c], sizeof upper[c], "%c%c", names[c][0] - 32, names[c][1] - 32);
        make_cell(c, names[c], upper[c], c % 2 == 0 ? "eu-central" : "eu-west", 40 + 31 * c,
                  12 + c);
    }
    cells[5] = de;
    cells[5].countries = countries[5];
    cells[5].zones = zones[5];
    for (int z = 0; z < ZONES; z++) {
        de_zones[z].replicas = replicas[5][z];
        zones[5][z] = de_zones[z];
    }
    for (int s = 0; s < SERVICES; s++) {
        replicas[5][1][s].pid = 0;
        replicas[5][1][s].health = STATUS_DOWN;
    }
    cells[19].name = "mt-and-the-islands";
    cells[19].region = "eu-south-overseas-1";
    for (int z = 0; z < ZONES; z++)
        zones[19][z].name = z == 0 ? "mt-harbour-1" : z == 1 ? "mt-harbour-2" : "gozo-1";
    made.rps = 12345;
    made.requests = 98765432;
    return &made;
}
