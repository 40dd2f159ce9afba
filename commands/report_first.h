/* report_first.h - sections of a report on how the first replication went. */
#ifndef COMMANDS_REPORT_FIRST_H
#define COMMANDS_REPORT_FIRST_H

struct course;
struct files;
struct page;

/* Requests, latency and waiting in the course of time, with the faults. */
void report_timelines(struct page *p, const struct files *files, const struct course *c);

/* Latency by percentile, before, during and after faults. */
void report_percentiles(struct page *p, const struct course *c);

/* Which fault took what share of which country's requests. */
void report_heat(struct page *p, const struct files *files, const struct course *c);

/* What the door decided. */
void report_decisions(struct page *p, const struct files *files, const struct course *c);

#endif
