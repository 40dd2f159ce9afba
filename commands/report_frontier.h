/* report_frontier.h - the section of a plan's report on cost against blast radius. */
#ifndef COMMANDS_REPORT_FRONTIER_H
#define COMMANDS_REPORT_FRONTIER_H

struct frontier;
struct page;

/* One frontier, as a chart and a table. */
void report_frontier(struct page *p, const struct frontier *f);

#endif
