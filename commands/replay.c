#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "commands/commands.h"
#include "commands/table.h"
#include "simulator/replay.h"

enum { BYTES_MAX = 1 << 30 };

struct replay_options {
    bool json;
};

static const struct cli_option options[] = {
    {"json", CLI_FLAG, offsetof(struct replay_options, json), NULL, 0, 0,
     "Print the counts as JSON (docs/replay.schema.json)"},
    {.type = CLI_END},
};

const struct json_field replay_fields[] = {
    JSON_I64(struct replay_result, records, "records", 0, 0,
             .doc = "Whole records, or those before the first that differs"),
    JSON_I64(struct replay_result, cells, "cells", 0, 0, .doc = "Cells of the door"),
    JSON_I64(struct replay_result, groups, "services", 0, 0, .doc = "Services, over all cells"),
    JSON_I64(struct replay_result, requests, "requests", 0, 0, .doc = "Requests that came"),
    JSON_I64(struct replay_result, choices, "choices", 0, 0,
             .doc = "Choices that were made again and compared"),
    JSON_I64(struct replay_result, tries, "tries", 0, 0, .doc = "Tries sent"),
    JSON_I64(struct replay_result, copies, "copies", 0, 0, .doc = "Second copies sent"),
    JSON_I64(struct replay_result, retries, "retries", 0, 0, .doc = "Retries allowed"),
    JSON_I64(struct replay_result, given_up, "given_up", 0, 0,
             .doc = "Requests that ended without a good answer"),
    JSON_I64(struct replay_result, under_way, "under_way", 0, 0,
             .doc = "Requests that had not ended when the tape did"),
    JSON_F64(struct replay_result, span_s, "span_s", 0, 0,
             .doc = "From the first record to the last"),
    JSON_BOOL(struct replay_result, closed, "closed",
              .doc = "The tape has its end; else it was cut off"),
    JSON_BOOL(struct replay_result, full, "full", .doc = "It ended for want of room"),
    JSON_BOOL(struct replay_result, differs, "differs", .doc = "A choice came out otherwise"),
    JSON_END,
};

/* Map a regular file. 0, or -1 with `err` set. */
static int map_file(const uint8_t **bytes, size_t *len, const char *path, struct error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        error_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    void *at = MAP_FAILED;
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > BYTES_MAX)
        error_set(err, ERR_LIMIT, "%s: expected a file of 1 to %d bytes", path, BYTES_MAX);
    else if ((at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        error_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    close(fd);
    *bytes = at;
    *len = (size_t)st.st_size;
    return at == MAP_FAILED ? -1 : 0;
}

static void row(struct table *t, const char *what, int64_t count)
{
    table_put(t, "%s", what);
    table_put(t, "%s", table_count((long long)count));
}

static void print_result(const char *path, const struct replay_result *r)
{
    struct table t;
    printf("%s: %.1f s of a door with %lld cell%s\n", path, r->span_s, (long long)r->cells,
           r->cells == 1 ? "" : "s");
    table_titles(&t, "<|COUNT");
    row(&t, "records", r->records);
    row(&t, "requests", r->requests);
    row(&t, "tries", r->tries);
    row(&t, "second copies", r->copies);
    row(&t, "retries", r->retries);
    row(&t, "given up", r->given_up);
    row(&t, "under way at the end", r->under_way);
    row(&t, "choices made again", r->choices);
    table_print(&t, stdout);
    if (!r->closed && !r->differs)
        printf("The tape was cut off; it is whole up to there.\n");
    if (r->full)
        printf("The tape was full; the door went on.\n");
    if (r->differs)
        printf("A choice differs: %s\n", r->difference);
    else
        printf("Every choice is the same, byte for byte.\n");
}

static int replay_main(int argc, char **argv)
{
    struct replay_options o = {.json = false};
    struct replay_result result;
    struct arena a = {0};
    struct error err;
    const uint8_t *bytes;
    size_t len;
    int args;
    int status = cli_parse(&replay_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    if (map_file(&bytes, &len, argv[1], &err) != 0)
        return cli_fail(err.text);
    if (replay_tape(&result, bytes, len, &a, &err) != 0) {
        error_prefix(&err, "%s", argv[1]);
        status = cli_fail(err.text);
    } else if (o.json) {
        const char *text = json_encode(&result, replay_fields, &a);
        fputs(text == NULL ? "" : text, stdout);
        status = text == NULL ? cli_fail("no memory left") : result.differs ? EXIT_NO : EXIT_YES;
        if (result.differs)
            fprintf(stderr, "%s: %s\n", argv[1], result.difference);
    } else {
        print_result(argv[1], &result);
        status = result.differs ? EXIT_NO : EXIT_YES;
    }
    munmap((void *)(uintptr_t)bytes, len);
    arena_release(&a);
    return status;
}

const struct cli_command replay_command = {
    "replay",
    replay_main,
    "TAPE",
    1,
    1,
    "Decide again what a door decided, by its tape, and compare",
    "bulkhead up --tape FILE records it. Exit status 1 when a choice comes out otherwise: the "
    "first\n"
    "is named. A tape that was cut off is played up to its last whole record.",
    options,
};
