#include "base/vitals.h"

static const double MOST = 0x1p52;

#define COUNT(member_, key_, ...) \
    JSON_I64(struct vitals, member_, key_, 0, MOST, .preset = "0", __VA_ARGS__)

const struct json_field vitals_fields[] = {
    JSON_STR(struct vitals, service, "service", .preset = "", .doc = "What it serves"),
    JSON_STR(struct vitals, cell, "cell", .preset = "", .doc = "Where"),
    JSON_STR(struct vitals, zone, "zone", .preset = "", .doc = "Where in it"),
    COUNT(pid, "pid", .doc = "Its process"),
    COUNT(running, "running", .doc = "Requests worked on now"),
    COUNT(waiting, "waiting", .doc = "Requests that wait now"),
    COUNT(oldest_us, "oldest_us", .doc = "How long the oldest of them has waited"),
    COUNT(requests, "requests", .doc = "Worked on since it began"),
    COUNT(finished, "finished", .doc = "Of these, ended"),
    COUNT(failed, "failed", .doc = "Of these, by an error of its own"),
    COUNT(work_us, "work_us", .doc = "What they took, without waits for others and for commits"),
    COUNT(shed, "shed", .doc = "Refused for want of room or time"),
    COUNT(commits, "commits", .doc = "Transactions of its store"),
    COUNT(commit_us, "commit_us", .doc = "What they took, with the wait for their turn"),
    COUNT(store_failures, "store_failures", .doc = "That the store failed"),
    JSON_END,
};
