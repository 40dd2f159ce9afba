/* fuzz_duration.c - durations: what is read is written and read again as the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/duration.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[256];
    char written[DURATION_TEXT_MAX];
    struct error err = {0};
    int64_t us = -7;
    int64_t again = -7;
    if (size >= sizeof text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (duration_parse(&us, text, &err) != 0) {
        assert(us == -7);
        assert(err.code == ERR_SYNTAX || err.code == ERR_RANGE);
        assert(err.text[0] != '\0');
        return 0;
    }
    assert(us >= 0);
    duration_format(written, us);
    assert(duration_parse(&again, written, &err) == 0);
    assert(again == us);
    return 0;
}
