/* cli.h - the command line by table: a row per command, a row per option.
 *
 * Usage, help and parsing are made from the same rows. Exit status everywhere: 0 yes, 1 the answer
 * is no, 2 misuse or an input that cannot be used. Data goes to stdout, words to stderr. */
#ifndef COMMANDS_CLI_H
#define COMMANDS_CLI_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_MISUSE = 2 };

enum cli_type {
    CLI_END,
    CLI_FLAG, /* bool */
    CLI_I64,  /* int64_t, low..high */
    CLI_STR,  /* const char *, borrowed from argv */
    CLI_SETS, /* struct cli_sets: may be given several times */
};

enum { CLI_SETS_MAX = 64 };

struct cli_sets { /* --set PATH=VALUE */
    struct json_set set[CLI_SETS_MAX];
    size_t count;
};

struct cli_option {
    const char *name; /* without the dashes */
    enum cli_type type;
    size_t offset;    /* of the member in the command's own options */
    const char *arg;  /* "N", "FILE"; NULL for flags */
    double low, high; /* I64 */
    const char *doc;
};

struct cli_command {
    const char *name;
    int (*main)(int argc, char **argv); /* argv[0] is the command's name */
    const char *args;                   /* "SCENARIO", "FILE..." */
    int args_min, args_max;
    const char *doc;                  /* one line */
    const char *more;                 /* a paragraph for --help, or NULL */
    const struct cli_option *options; /* ended by CLI_END; NULL: none */
};

/* Read options into the struct at `opts`, and move the other arguments to argv[1..]; their number
 * goes to `*args`. Negative to go on, otherwise the exit status: --help was answered, or misuse
 * explained. Paths of sets are cut out of argv in place. */
int cli_parse(const struct cli_command *command, int argc, char **argv, void *opts, int *args);

/* Print "bulkhead: SENTENCE" on stderr. Returns EXIT_MISUSE. */
int cli_fail(const char *sentence);

/* The same of a command called in the wrong way, with where to read how. `format` takes `what`. */
int cli_misuse(const struct cli_command *command, const char *format, const char *what);

#endif
