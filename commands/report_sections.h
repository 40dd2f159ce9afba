/* report_sections.h - sections of a simulation's report, beside those of report_first.h. */
#ifndef COMMANDS_REPORT_SECTIONS_H
#define COMMANDS_REPORT_SECTIONS_H

#include "commands/report.h"

struct run_country;
struct run_result;

/* The main numbers, each with its interval and with how it differs from the baseline. */
void report_numbers(struct page *p, const struct report_run *run);

/* What was counted, planned or derived, beside what the simulation has; and that beside what was
 * measured. */
void report_predicted(struct page *p, const struct report_run *run);

/* Countries, those `sorted` first that lost most, services, functions, caches, orders, stages. */
void report_tables(struct page *p, const struct run_result *result,
                   const struct run_country *const *sorted);

#endif
