/* report_first.h - sections of a report on how the first replications went. */
#ifndef COMMANDS_REPORT_FIRST_H
#define COMMANDS_REPORT_FIRST_H

#include <stddef.h>

struct courses;
struct files;
struct load_summary;
struct page;

/* 0: a .. z, then aa ...; the letters of faults. */
void report_letter(char out[4], size_t index);

/* Requests, latency, headroom, backlog and age in the course of time, with the faults. */
void report_timelines(struct page *p, const struct files *files, const struct courses *c);

/* Latency by percentile, before, during and after faults; and as `measured`, unless NULL. */
void report_percentiles(struct page *p, const struct courses *c,
                        const struct load_summary *measured);

/* Each fault, and how long it took until it was noticed, and over. */
void report_faults(struct page *p, const struct files *files, const struct courses *c);

/* Which fault took what share of which country's requests. */
void report_heat(struct page *p, const struct files *files, const struct courses *c);

/* What door and control decided in the first of them, and why. */
void report_decisions(struct page *p, const struct files *files, const struct courses *c);

#endif
