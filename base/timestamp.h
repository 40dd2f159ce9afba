/* timestamp.h - a moment as people and programs write it.
 *
 *     2010-12-01 08:26        2010-12-01T08:26:00.5+01:00    2010/12/01 08:26
 *     01/12/2010 08:26        1.12.2010 8:26:00              1/12/10, 8:26 AM
 *     1 Dec 2010 08:26 GMT    Wed, 01 Dec 2010 08:26:00 +0000  Dec 1, 2010 8:26 am
 *     01/Dec/2010:08:26:00 +0000      20101201T082600Z       1291191960  1291191960000
 *
 * Day before month between numbers, unless told otherwise or the year comes first. Z, UTC, GMT,
 * +01, +0100 and +01:00 say whose clock it is, and a name may stand behind an offset, but no other
 * one in its place: CST is three clocks. Minutes may be left out. Numbers are seconds (9 or 10
 * digits), milliseconds (12 or 13), microseconds (15 or 16) or nanoseconds (18 or 19) since 1970,
 * UTC. Fractions of a second are dropped. Years are 1970..2099, days those of the calendar. */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timestamp {
    int64_t clock_s; /* what the clock says, in seconds from 1970-01-01 00:00 on that clock */
    bool has_zone;
    int32_t offset_s; /* that clock minus UTC, where it has a zone; below a day */
};

enum timestamp_end {
    TIMESTAMP_OK,
    TIMESTAMP_BAD,   /* it reads like none of these */
    TIMESTAMP_DAY,   /* a date without a time of day */
    TIMESTAMP_ZONE,  /* a zone by name: its offset is not known */
    TIMESTAMP_MONTH, /* the month is over 12 and the day is not: they are the other way round */
};

/* Read all of `text`, which blanks may surround. `*out` is set with TIMESTAMP_OK only. */
enum timestamp_end timestamp_parse(struct timestamp *out, const char *text, size_t len,
                                   bool month_first);

/* Days from 1970-01-01 to a date of the Gregorian calendar, and back. */
int64_t timestamp_days(int year, int month, int day);
void timestamp_date(int64_t days, int *year, int *month, int *day);

/* "2010-12-01 08:26" of a clock's seconds from 1970 on. */
enum { TIMESTAMP_TEXT = 20 };
void timestamp_format(char out[TIMESTAMP_TEXT], int64_t clock_s);

#endif
