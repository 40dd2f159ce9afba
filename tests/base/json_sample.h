/* json_sample.h - a made-up document with every type of row, for the tests of base/json.h. */
#ifndef TESTS_BASE_JSON_SAMPLE_H
#define TESTS_BASE_JSON_SAMPLE_H

#include <math.h>

#include "base/json.h"

struct sample_dock {
    const char *key;
    int64_t cranes;
    bool covered;
};

struct sample_port {
    const char *key;
    int64_t berths;
    struct sample_dock *docks;
    size_t dock_count;
};

struct sample_ship {
    const char *name;
    int64_t wait_us;
    int order;
    double at[2];
    struct sample_dock *docks;
    size_t dock_count;
};

struct sample_office {
    int64_t clerks;
    const char *head;
};

struct sample {
    const char *title;
    bool open;
    int64_t seed;
    int64_t year;
    double load;
    double drift;
    double mass;
    int64_t tide_us;
    int order;
    struct sample_office office;
    struct sample_ship *ships;
    size_t ship_count;
    struct sample_port *ports;
    size_t port_count;
    struct sample_dock *docks;
    size_t dock_count;
    const char **tags;
    size_t tag_count;
    double *depths;
    size_t depth_count;
    double place[2];
    const char *mark;
    const char **marks;
    size_t mark_count;
};

static const char *const sample_orders[] = {"fifo", "lifo", "random", NULL};

static const struct json_field sample_dock_fields[] = {
    JSON_I64(struct sample_dock, cranes, "cranes", 0, 9, .preset = "2", .doc = "How many"),
    JSON_BOOL(struct sample_dock, covered, "covered", .doc = "Has a roof"),
    JSON_END,
};

static const struct json_field sample_port_fields[] = {
    JSON_I64(struct sample_port, berths, "berths", 1, 100, .required = true, .doc = "Places"),
    JSON_MAP(struct sample_port, docks, dock_count, "docks", struct sample_dock, sample_dock_fields,
             .doc = "Its docks"),
    JSON_END,
};

static const struct json_field sample_ship_fields[] = {
    JSON_STR(struct sample_ship, name, "name", .required = true, .doc = "Painted on the bow"),
    JSON_DURATION(struct sample_ship, wait_us, "wait", 0, 3600000000, .preset = "5m",
                  .doc = "How long"),
    JSON_WORD(struct sample_ship, order, "order", sample_orders, .doc = "In which order"),
    JSON_PAIR(struct sample_ship, at, "at", .low = -180, .high = 180, .preset = "[1.5, -2]",
              .doc = "Where"),
    JSON_MAP(struct sample_ship, docks, dock_count, "docks", struct sample_dock, sample_dock_fields,
             .count_min = 1, .count_max = 2, .preset = "[\"dry\"]", .doc = "Where it fits"),
    JSON_END,
};

static const struct json_field sample_office_fields[] = {
    JSON_I64(struct sample_office, clerks, "clerks", 1, 1000, .preset = "3", .doc = "Clerks"),
    JSON_STR(struct sample_office, head, "head", .preset = "nobody", .doc = "Whom to ask"),
    JSON_END,
};

static const struct json_field sample_fields[] = {
    JSON_STR(struct sample, title, "title", .preset = "", .doc = "A name"),
    JSON_BOOL(struct sample, open, "open", .preset = "true", .doc = "Open or not"),
    JSON_I64(struct sample, seed, "seed", 0, 0, .doc = "Any number"),
    JSON_I64(struct sample, year, "year", 1900, 2100, .preset = "2000", .doc = "A year"),
    JSON_F64(struct sample, load, "load", 0, 1, .preset = "0.5", .doc = "A share"),
    JSON_F64(struct sample, drift, "drift", 0, 0, .doc = "Any number"),
    JSON_F64(struct sample, mass, "mass", 0, (double)INFINITY, .doc = "Not below nothing"),
    JSON_DURATION(struct sample, tide_us, "tide", 1000, INT64_C(86400000000), .preset = "6h",
                  .doc = "Between high and low"),
    JSON_WORD(struct sample, order, "order", sample_orders, .preset = "lifo", .doc = "An order"),
    JSON_OBJECT(struct sample, office, "office", sample_office_fields, .doc = "An office"),
    JSON_LIST(struct sample, ships, ship_count, "ships", struct sample_ship, sample_ship_fields,
              .count_max = 20, .doc = "Ships"),
    JSON_MAP(struct sample, ports, port_count, "ports", struct sample_port, sample_port_fields,
             .doc = "Ports"),
    JSON_MAP(struct sample, docks, dock_count, "docks", struct sample_dock, sample_dock_fields,
             .doc = "Docks"),
    JSON_STRS(struct sample, tags, tag_count, "tags", .doc = "Words"),
    JSON_F64S(struct sample, depths, depth_count, "depths", 0, 100, .count_min = 2,
              .doc = "Depths"),
    JSON_PAIR(struct sample, place, "place", .doc = "A place"),
    JSON_SCALAR(struct sample, mark, "mark", .preset = "1.5", .doc = "A mark"),
    JSON_SCALARS(struct sample, marks, mark_count, "marks", .count_max = 6, .doc = "Marks"),
    JSON_END,
};

/* Every key is given, and each type's less usual form. */
static const char sample_text[] =
    "{\"title\": \"na\\u00efve \\\"quoted\\\"\", \"open\": false, \"seed\": -9007199254740991,"
    " \"year\": 19e2, \"load\": 0.30000000000000004, \"drift\": -1e-300, \"mass\": 5e-324,"
    " \"tide\": \"1h30m\", \"order\": \"random\", \"office\": {\"head\": \"\\ud83d\\ude00\"},"
    " \"ships\": [{\"name\": \"a\"}, {\"name\": \"b\", \"wait\": \"0\", \"order\": \"lifo\","
    " \"at\": [180, -180], \"docks\": {\"x\": {}, \"y\": {\"cranes\": 9}}}],"
    " \"ports\": {\"north\": {\"berths\": 7, \"docks\": [\"a\", \"b\"]}},"
    " \"docks\": [\"one\", \"two-2\", \"_3\"], \"tags\": [\"\", \"t\\n\"],"
    " \"depths\": [0, 0.1, 100], \"place\": [0.1, -0.0],"
    " \"mark\": \"t\\u00efde \\\"5\\\"\", \"marks\": [5e-324, -10, \"250ms\", true, false, \"\"]}";

#endif
