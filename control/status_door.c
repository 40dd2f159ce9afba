/* What control/status.h has of a door. */
#include "control/status.h"

const char *const status_what_words[] = {
    [STATUS_LEFT_OUT] = "left-out",     [STATUS_TAKEN_OUT] = "taken-out",
    [STATUS_PANIC] = "panic",           [STATUS_RETRIES_OFF] = "retries-off",
    [STATUS_COPIES_OFF] = "copies-off", [STATUS_BREAKER] = "breaker",
    [STATUS_BREAKER + 1] = NULL,
};

const char *const status_rule_words[] = {
    [STATUS_BY_TRIES] = "tries",
    [STATUS_BY_BUDGET] = "retry-budget",
    [STATUS_BY_DEADLINE] = "deadline",
    [STATUS_BY_BREAKER] = "breaker",
    [STATUS_BY_NOBODY] = "no-replica",
    [STATUS_BY_ANSWER] = "answered",
    [STATUS_BY_UNSENT] = "not-sent",
    [STATUS_BY_FULL] = "door-full",
    [STATUS_BY_CLOSING] = "door-closing",
    [STATUS_BY_COUNTRIES] = "no-country",
    [STATUS_RULES] = NULL,
};

#define COUNT(struct_, member_, key_, ...) \
    JSON_I64(struct_, member_, key_, -1, 0x1p52, .preset = "-1", __VA_ARGS__)
#define NUMBER(struct_, member_, key_, ...) \
    JSON_F64(struct_, member_, key_, 0, 1e12, .nullable = true, __VA_ARGS__)
#define TEXT(struct_, member_, key_, ...) \
    JSON_STR(struct_, member_, key_, .preset = "", __VA_ARGS__)

static const struct json_field reason_fields[] = {
    JSON_WORD(struct status_reason, what, "what", status_what_words, .required = true,
              .doc = "left-out: a replica that failed; taken-out: one that the map takes out; "
                     "panic: failures are ignored; retries-off, copies-off: their budget is spent; "
                     "breaker: it refuses"),
    TEXT(struct status_reason, cell, "cell", .doc = "In which cell"),
    TEXT(struct status_reason, zone, "zone", .doc = "In which zone; empty: all"),
    TEXT(struct status_reason, service, "service", .doc = "Of which service; empty: all"),
    COUNT(struct status_reason, since_ms, "since_ms", .doc = "It is so for so long"),
    COUNT(struct status_reason, until_ms, "until_ms",
          .doc = "It ends by itself after so long; 0: with the next request, -1: when what it goes "
                 "by has changed"),
    TEXT(struct status_reason, why, "why", .doc = "The rule and its numbers"),
    JSON_END,
};

static const struct json_field budget_fields[] = {
    TEXT(struct status_budget, cell, "cell", .doc = "Of which cell"),
    TEXT(struct status_budget, service, "service",
         .doc = "Of which service; empty: its services share it"),
    TEXT(struct status_budget, of, "of", .doc = "retries, or second copies"),
    NUMBER(struct status_budget, left, "left", .doc = "Tokens left; each retry or copy takes one"),
    NUMBER(struct status_budget, full, "full", .doc = "Tokens when it is full"),
    NUMBER(struct status_budget, earned, "earned", .doc = "Tokens that each request brings"),
    JSON_END,
};

static const struct json_field loss_fields[] = {
    TEXT(struct status_loss, cell, "cell",
         .doc = "In which cell; empty: a question to many countries"),
    JSON_WORD(struct status_loss, rule, "rule", status_rule_words, .required = true,
              .doc = "The rule that gave the request up"),
    TEXT(struct status_loss, last, "last",
         .doc = "What its last try came to: a status, or refused, reset, timeout, garbled, busy; "
                "empty: none was made"),
    COUNT(struct status_loss, count, "count", .doc = "How many since the door started"),
    JSON_END,
};

static const struct json_field country_fields[] = {
    TEXT(struct status_country, country, "country", .doc = "Which one"),
    COUNT(struct status_country, asked, "asked", .doc = "How often it was asked"),
    COUNT(struct status_country, missing, "missing", .doc = "How often its answer did not come"),
    NUMBER(struct status_country, rps, "rps", .doc = "Answers per second"),
    NUMBER(struct status_country, p99_ms, "p99_ms", .doc = "Their 99th percentile"),
    JSON_END,
};

static const struct json_field question_fields[] = {
    COUNT(struct status_questions, asked, "asked", .doc = "Questions since the door started"),
    COUNT(struct status_questions, partial, "partial", .doc = "Those of which a part was missing"),
    COUNT(struct status_questions, lost, "lost", .doc = "Those that got no answer"),
    NUMBER(struct status_questions, rps, "rps", .doc = "Questions per second"),
    NUMBER(struct status_questions, p99_ms, "p99_ms", .doc = "Latency of the 99th percentile"),
    JSON_LIST(struct status_questions, countries, country_count, "countries", struct status_country,
              country_fields, .doc = "Countries that have been asked"),
    JSON_END,
};

const struct json_field status_door_fields[] = {
    JSON_I64(struct status_door, port, "port", -1, 65535, .preset = "-1",
             .doc = "Where it listens on 127.0.0.1"),
    JSON_I64(struct status_door, pid, "pid", -1, 0x1p31, .preset = "0",
             .doc = "Its process; 0 when there is none"),
    JSON_BOOL(struct status_door, answers, "answers", .preset = "false",
              .doc = "Whether control hears of it"),
    NUMBER(struct status_door, rps, "rps", .doc = "Requests per second"),
    COUNT(struct status_door, requests, "requests", .doc = "Requests since it started"),
    COUNT(struct status_door, lost, "lost", .doc = "Those of them that failed"),
    COUNT(struct status_door, map_version, "map_version", .doc = "Of the map that it goes by"),
    JSON_STR(struct status_door, map_why, "map_why", .nullable = true,
             .doc = "Why the map that lies there is not used; null when it is"),
    JSON_LIST(struct status_door, reasons, reason_count, "reasons", struct status_reason,
              reason_fields, .count_max = STATUS_REASONS_MAX,
              .doc = "What it has switched off, and why"),
    COUNT(struct status_door, reasons_more, "reasons_more",
          .doc = "Reasons that are not in the list, as there are so many"),
    JSON_LIST(struct status_door, budgets, budget_count, "budgets", struct status_budget,
              budget_fields, .count_max = STATUS_REASONS_MAX,
              .doc = "Budgets of retries and second copies that are not full"),
    JSON_LIST(struct status_door, losses, loss_count, "losses", struct status_loss, loss_fields,
              .doc = "Its lost requests by the rule that gave them up"),
    JSON_OBJECT(struct status_door, questions, "questions", question_fields,
                .doc = "Questions to many countries, which count as requests too"),
    JSON_END,
};
