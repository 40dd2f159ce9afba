/* fuzz_tape.c - tapes from whoever. What is accepted is written as the same bytes, and whatever it
 * tells, playing it stays within bounds. Checks are put right here, so that what is behind them is
 * reached: a tape is a sequence of records without their checks. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "control/tape.h"
#include "simulator/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHECK_BYTES = 4 };

static size_t put_check(uint8_t *record, size_t len)
{
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ record[i]) * 16777619u;
    for (size_t i = 0; i < CHECK_BYTES; i++)
        record[len + i] = (uint8_t)(sum >> (8 * i));
    return len + CHECK_BYTES;
}

static void play(const uint8_t *bytes, size_t len)
{
    struct arena a = {0};
    struct error err = {0};
    struct replay_result out;
    if (replay_tape(&out, bytes, len, &a, &err) != 0)
        assert(err.code != ERR_NONE && strstr(err.text, "byte ") != NULL);
    else
        assert(!out.differs || out.difference[0] != '\0');
    arena_release(&a);
}

/* Each record that is accepted has one spelling. */
static void decode(const uint8_t *bytes, size_t len)
{
    int64_t before_us = 0;
    size_t used = 0;
    for (size_t at = TAPE_MAGIC_BYTES; at < len; at += used) {
        struct tape_record record;
        struct error err = {0};
        uint8_t again[TAPE_RECORD_MAX];
        if (tape_decode(&record, &used, bytes + at, len - at, before_us, &err) != TAPE_WHOLE)
            return;
        size_t written = tape_encode(again, &record, before_us);
        assert(written == used && memcmp(again, bytes + at, used) == 0);
        before_us = record.now_us;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = TAPE_MAGIC_BYTES + size * (1 + CHECK_BYTES), len = TAPE_MAGIC_BYTES;
    uint8_t *bytes = malloc(room);
    assert(bytes != NULL);
    play(data, size); /* as it is */
    memcpy(bytes, TAPE_MAGIC, TAPE_MAGIC_BYTES);
    while (size > 0) {
        size_t whole = 1 + (size_t)data[0] < size ? 1 + (size_t)data[0] : size;
        memcpy(bytes + len, data, whole);
        bytes[len] = (uint8_t)(whole - 1);
        len += put_check(bytes + len, whole);
        data += whole;
        size -= whole;
    }
    decode(bytes, len);
    play(bytes, len);
    free(bytes);
    return 0;
}
