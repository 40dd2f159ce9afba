/* metric.h - one measured number, exactly: what a replication gives and a database of results
 * keeps. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdint.h>

enum metric_type {
    METRIC_I64, /* counts; a digest's 64 bits too, as they are */
    METRIC_F64, /* NaN: nothing was seen */
};

struct metric {
    enum metric_type type;
    int64_t i64;
    double f64;
};

#endif
