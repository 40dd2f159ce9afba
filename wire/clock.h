/* clock.h - the time, for those who hand it to the machines. */
#ifndef WIRE_CLOCK_H
#define WIRE_CLOCK_H

#include <stdint.h>

/* Microseconds that never go back, from no particular beginning. */
int64_t clock_us(void);

/* Milliseconds since 1970 by the system's clock, which may be set. */
int64_t clock_wall_ms(void);

#endif
