#include "commands/cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Every command takes --help; it is a row like any other. */
static const struct cli_option help_option = {"help", CLI_FLAG, 0, NULL, 0, 0, "Print this"};

int cli_fail(const char *sentence)
{
    fprintf(stderr, "bulkhead: %s\n", sentence);
    return EXIT_MISUSE;
}

int cli_misuse(const struct cli_command *command, const char *format, const char *what)
{
    struct error err;
    error_set(&err, ERR_SYNTAX, format, what);
    fprintf(stderr, "bulkhead %s: %s\n(bulkhead %s --help lists what it takes)\n", command->name,
            err.text, command->name);
    return EXIT_MISUSE;
}

static void print_option(const struct cli_option *option)
{
    char left[40];
    snprintf(left, sizeof left, "--%s%s%s", option->name, option->arg == NULL ? "" : " ",
             option->arg == NULL ? "" : option->arg);
    printf("  %-22s %s\n", left, option->doc);
}

static void print_help(const struct cli_command *command)
{
    printf("usage: bulkhead %s%s%s%s\n\n%s.\n", command->name,
           command->options == NULL ? "" : " [OPTION...]", command->args[0] == '\0' ? "" : " ",
           command->args, command->doc);
    if (command->more != NULL)
        printf("\n%s\n", command->more);
    printf("\n");
    for (const struct cli_option *o = command->options; o != NULL && o->type != CLI_END; o++)
        print_option(o);
    print_option(&help_option);
}

static const struct cli_option *find(const struct cli_command *command, const char *name,
                                     size_t len)
{
    for (const struct cli_option *o = command->options; o != NULL && o->type != CLI_END; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static int take_i64(const struct cli_command *command, const struct cli_option *option,
                    const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    size_t digits = strspn(text + (text[0] == '-'), "0123456789");
    if (errno != 0 || digits == 0 || *end != '\0' || (double)value < option->low ||
        (double)value > option->high) {
        char format[128];
        snprintf(format, sizeof format, "--%s: expected a whole number in %.0f..%.0f, got \"%%s\"",
                 option->name, option->low, option->high);
        return cli_misuse(command, format, text);
    }
    *out = value;
    return -1;
}

static int take_set(const struct cli_command *command, char *text, struct cli_sets *sets)
{
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return cli_misuse(command, "--set: expected PATH=VALUE, got \"%s\"", text);
    if (sets->count == CLI_SETS_MAX)
        return cli_misuse(command, "--set: more than %s are given", "64");
    *equals = '\0';
    sets->set[sets->count++] = (struct json_set){.path = text, .value = equals + 1};
    return -1;
}

/* One option, its value behind '=' or in the next argument. */
static int take(const struct cli_command *command, const struct cli_option *option, char *value,
                void *opts)
{
    void *member = (char *)opts + option->offset;
    switch (option->type) {
    case CLI_FLAG:
        *(bool *)member = true;
        return -1;
    case CLI_I64:
        return take_i64(command, option, value, member);
    case CLI_STR:
        *(const char **)member = value;
        return -1;
    default:
        return take_set(command, value, member);
    }
}

static int wants(const struct cli_command *command, const struct cli_option *option)
{
    char what[64];
    snprintf(what, sizeof what, "--%s wants a value: --%s %s", option->name, option->name,
             option->arg);
    return cli_misuse(command, "%s", what);
}

int cli_parse(const struct cli_command *command, int argc, char **argv, void *opts, int *args)
{
    bool only_args = false;
    *args = 0;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (only_args || arg[0] != '-' || arg[1] == '\0') {
            argv[++*args] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            only_args = true;
            continue;
        }
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            print_help(command);
            return EXIT_YES;
        }
        size_t len = strncmp(arg, "--", 2) == 0 ? strcspn(arg + 2, "=") : 0;
        const struct cli_option *option = len == 0 ? NULL : find(command, arg + 2, len);
        if (option == NULL)
            return cli_misuse(command, "no option %s", arg);
        char *value = arg[2 + len] == '=' ? arg + 3 + len : NULL;
        if (option->type == CLI_FLAG && value != NULL)
            return cli_misuse(command, "--%s takes no value", option->name);
        if (option->type != CLI_FLAG && value == NULL) {
            if (i + 1 == argc)
                return wants(command, option);
            value = argv[++i];
        }
        int status = take(command, option, value, opts);
        if (status >= 0)
            return status;
    }
    if (*args < command->args_min)
        return cli_misuse(command, "%s is missing", command->args);
    if (*args > command->args_max)
        return cli_misuse(command, "one argument too many: %s", argv[command->args_max + 1]);
    return -1;
}
