#include "base/deadline.h"

#include <stdio.h>
#include <string.h>

enum { DIGITS_MAX = 9, MS_MAX = 999999999 };

int64_t deadline_read(const char *text)
{
    size_t len = strspn(text, "0123456789");
    int64_t ms = 0;
    if (len == 0 || len > DIGITS_MAX || text[len] != '\0')
        return -1;
    for (size_t i = 0; i < len; i++)
        ms = ms * 10 + (text[i] - '0');
    return ms * 1000;
}

void deadline_write(char out[DEADLINE_TEXT_MAX], int64_t left_us)
{
    uint32_t ms = left_us / 1000 < MS_MAX ? (uint32_t)(left_us / 1000) : MS_MAX;
    snprintf(out, DEADLINE_TEXT_MAX, "%u", ms);
}
