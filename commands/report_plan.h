/* report_plan.h - --report FILE.html of plan. */
#ifndef COMMANDS_REPORT_PLAN_H
#define COMMANDS_REPORT_PLAN_H

#include "commands/report_parts.h"

struct demand_report;
struct error;
struct files;
struct plan;

/* A plan; `demand` is NULL where it is the topology's own. 0, or -1 with `err` set, `path` in it.
 */
int report_plan(const char *path, const struct report_info *info, const struct files *files,
                const struct plan *plan, const struct demand_report *demand, struct error *err);

#endif
