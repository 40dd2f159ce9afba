#include "control/status.h"

#include "control/gossip_msg.h"

const char *const status_health_words[] = {
    [STATUS_DOWN] = "DOWN",         [STATUS_FAILING] = "FAILING",   [STATUS_UNKNOWN] = "UNKNOWN",
    [STATUS_DEGRADED] = "DEGRADED", [STATUS_STARTING] = "STARTING", [STATUS_OK] = "OK",
    [STATUS_IDLE] = "IDLE",         [STATUS_IDLE + 1] = NULL,
};

const char *const status_member_words[] = {
    [GOSSIP_ALIVE] = "alive", [GOSSIP_SUSPECT] = "suspect", [GOSSIP_DEAD] = "dead",
    [GOSSIP_LEFT] = "left",   [GOSSIP_UNKNOWN] = "unknown", [GOSSIP_UNKNOWN + 1] = NULL,
};

/* A count is -1 and a number null while nobody knows it, and so is what is left out. */
#define COUNT(struct_, member_, key_, ...) \
    JSON_I64(struct_, member_, key_, -1, 0x1p52, .preset = "-1", __VA_ARGS__)
#define NUMBER(struct_, member_, key_, high_, ...) \
    JSON_F64(struct_, member_, key_, 0, high_, .nullable = true, __VA_ARGS__)
#define HEALTH(struct_, ...) \
    JSON_WORD(struct_, health, "health", status_health_words, .preset = "UNKNOWN", __VA_ARGS__)
#define WHY(struct_, ...) JSON_STR(struct_, why, "why", .preset = "", __VA_ARGS__)

static const double RPS_MAX = 1e12;
static const double MS_MAX = 1e12;

static const struct json_field replica_fields[] = {
    JSON_STR(struct status_replica, service, "service", .required = true,
             .doc = "The service it runs"),
    JSON_I64(struct status_replica, pid, "pid", -1, 0x1p31, .preset = "0",
             .doc = "Its process; 0 when there is none"),
    JSON_I64(struct status_replica, port, "port", -1, 65535, .preset = "-1",
             .doc = "Where it listens on 127.0.0.1"),
    HEALTH(struct status_replica, .doc = "How it is"),
    COUNT(struct status_replica, restarts, "restarts",
          .doc = "How often its agent has started it again"),
    JSON_I64(struct status_replica, ails_ms, "ails_ms", 0, 0x1p52, .preset = "0",
             .doc = "It reports and has been failing for so long; 0 when it is not"),
    WHY(struct status_replica,
        .doc = "Why it ends again and again, or what it does not get done though it answers"),
    JSON_END,
};

static const struct json_field zone_fields[] = {
    JSON_STR(struct status_zone, name, "name", .required = true, .doc = "Its name in the cell"),
    HEALTH(struct status_zone, .doc = "How it is"),
    COUNT(struct status_zone, since_ms, "since_ms", .doc = "In this health for so long"),
    COUNT(struct status_zone, up, "up", .doc = "Replicas that answer"),
    COUNT(struct status_zone, wanted, "wanted", .doc = "Replicas that should"),
    COUNT(struct status_zone, ends, "ends",
          .doc = "How often in a row one of its processes has ended, the most of them"),
    NUMBER(struct status_zone, rps, "rps", RPS_MAX, .doc = "Requests per second it answered"),
    NUMBER(struct status_zone, share, "share", 1, .doc = "Its share of the cell's requests"),
    NUMBER(struct status_zone, errors, "errors", 1, .doc = "Failed requests among its own"),
    NUMBER(struct status_zone, p99_ms, "p99_ms", MS_MAX, .doc = "Latency of the 99th percentile"),
    WHY(struct status_zone, .doc = "Why it is as it is; empty when all is well"),
    JSON_I64(struct status_zone, agent_pid, "agent_pid", -1, 0x1p31, .preset = "0",
             .doc = "Its agent's process; 0 when there is none"),
    JSON_LIST(struct status_zone, replicas, replica_count, "replicas", struct status_replica,
              replica_fields, .doc = "Its processes"),
    JSON_END,
};

static const struct json_field member_fields[] = {
    JSON_STR(struct status_member, name, "member", .required = true, .doc = "Whom: zone/service"),
    JSON_WORD(struct status_member, state, "state", status_member_words, .preset = "unknown",
              .doc = "What is believed of it"),
    JSON_STR(struct status_member, by, "by", .preset = "", .doc = "Who suspected it first"),
    JSON_STR(struct status_member, also, "also", .preset = "",
             .doc = "Who did in another zone, which confirms it"),
    COUNT(struct status_member, ago_ms, "ago_ms", .doc = "It is so for so long"),
    COUNT(struct status_member, views, "views", .doc = "Agents that say so"),
    JSON_END,
};

const struct json_field status_gossip_fields[] = {
    COUNT(struct status_gossip, members, "members", .doc = "Members that there may be"),
    COUNT(struct status_gossip, live, "live", .doc = "Those alive, or at least not dead"),
    COUNT(struct status_gossip, refused, "refused",
          .doc = "Messages that agents refused: forged, of another cell, heard before, garbage"),
    JSON_LIST(struct status_gossip, troubled, troubled_count, "troubled", struct status_member,
              member_fields, .doc = "Those of whom it is not said that they are alive"),
    JSON_END,
};

static const struct json_field cell_fields[] = {
    JSON_STR(struct status_cell, name, "name", .required = true, .doc = "The cell's name"),
    JSON_STRS(struct status_cell, countries, country_count, "countries",
              .doc = "The countries it serves"),
    JSON_STR(struct status_cell, region, "region", .nullable = true, .doc = "Where it runs"),
    HEALTH(struct status_cell, .doc = "How it is"),
    COUNT(struct status_cell, since_ms, "since_ms", .doc = "In this health for so long"),
    NUMBER(struct status_cell, rps, "rps", RPS_MAX, .doc = "Requests per second"),
    NUMBER(struct status_cell, errors, "errors", 1, .doc = "Failed requests among them"),
    NUMBER(struct status_cell, p99_ms, "p99_ms", MS_MAX, .doc = "Latency of the 99th percentile"),
    COUNT(struct status_cell, lost, "lost", .doc = "Requests that failed since the door started"),
    WHY(struct status_cell, .doc = "Why it is as it is; empty when all is well"),
    JSON_LIST(struct status_cell, zones, zone_count, "zones", struct status_zone, zone_fields,
              .doc = "Its zones"),
    JSON_OBJECT(struct status_cell, gossip, "gossip", status_gossip_fields,
                .doc = "What its processes believe of each other"),
    JSON_END,
};

static const struct json_field fault_fields[] = {
    COUNT(struct status_fault, id, "id", .doc = "Its number"),
    JSON_STR(struct status_fault, kind, "kind", .required = true, .doc = "What was broken"),
    JSON_STR(struct status_fault, scope, "scope", .required = true,
             .doc = "Where, as in a scenario"),
    JSON_STR(struct status_fault, parameters, "parameters", .preset = "",
             .doc = "Its parameters, as in factor 10"),
    JSON_STR(struct status_fault, who, "who", .preset = "", .doc = "Who injected it"),
    COUNT(struct status_fault, ends_in_ms, "ends_in_ms",
          .doc = "When it ends by itself; -1 when it does not"),
    JSON_END,
};

static const struct json_field event_fields[] = {
    COUNT(struct status_event, ago_ms, "ago_ms", .doc = "How long ago"),
    JSON_STR(struct status_event, text, "text", .required = true, .doc = "What happened"),
    JSON_END,
};

const struct json_field status_fields[] = {
    JSON_STR(struct status, topology, "topology", .required = true,
             .doc = "The name of the topology's file"),
    COUNT(struct status, uptime_ms, "uptime_ms", .doc = "Age of the control process"),
    JSON_I64(struct status, control_pid, "control_pid", -1, 0x1p31, .preset = "0",
             .doc = "The control process"),
    JSON_I64(struct status, door_pid, "door_pid", -1, 0x1p31, .preset = "0",
             .doc = "The first door's process; 0 when there is none"),
    JSON_I64(struct status, port, "port", -1, 65535, .preset = "-1",
             .doc = "Where the first door listens on 127.0.0.1"),
    JSON_BOOL(struct status, healthy, "healthy", .required = true,
              .doc = "Whether every cell is OK or IDLE, and every door answers"),
    NUMBER(struct status, rps, "rps", RPS_MAX, .doc = "Requests per second at all doors"),
    NUMBER(struct status, errors, "errors", 1, .doc = "Failed requests among them"),
    COUNT(struct status, requests, "requests", .doc = "Requests since the doors started"),
    COUNT(struct status, lost, "lost", .doc = "Those of them that failed"),
    JSON_LIST(struct status, doors, door_count, "doors", struct status_door, status_door_fields,
              .doc = "The front doors, one by one"),
    JSON_LIST(struct status, cells, cell_count, "cells", struct status_cell, cell_fields,
              .doc = "The cells, in the topology's order"),
    JSON_LIST(struct status, faults, fault_count, "faults", struct status_fault, fault_fields,
              .doc = "Faults that are on"),
    JSON_LIST(struct status, events, event_count, "events", struct status_event, event_fields,
              .doc = "What happened, newest first"),
    JSON_END,
};
