/* bulkhead - plan, simulate and run geo-partitioned cells. */

#include <stdio.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/roles.h"

static int help_main(int argc, char **argv);
static int version_main(int argc, char **argv);

static const struct cli_command help_command = {
    "help", help_main, "[COMMAND]", 0, 1, "Print the commands, or what one of them takes",
    NULL,   NULL,
};
static const struct cli_command version_command = {
    "version", version_main, "", 0, 0, "Print the version", NULL, NULL,
};

static const struct cli_command *const commands[] = {
    &check_command,   &plan_command,     &sim_command,      &up_command,     &down_command,
    &status_command,  &top_command,      &load_command,     &logs_command,   &fault_command,
    &heal_command,    &bench_command,    &customer_command, &vendor_command, &catalog_command,
    &order_command,   &validate_command, &replay_command,   &demo_command,   &help_command,
    &version_command,
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const struct cli_command *command_at(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    for (size_t i = 0; role_commands[i] != NULL; i++)
        if (strcmp(role_commands[i]->name, name) == 0)
            return role_commands[i];
    return NULL;
}

static void print_commands(FILE *out)
{
    fprintf(out, "usage: bulkhead COMMAND [OPTION...] [ARGUMENT...]\n\n"
                 "Plan, simulate and run geo-partitioned cells.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %-13s %s\n", commands[i]->name, commands[i]->args, commands[i]->doc);
    fprintf(out, "\nbulkhead COMMAND --help tells more. Exit status: 0 yes, 1 the answer is no, "
                 "2 misuse.\n");
}

static int unknown(const char *name)
{
    fprintf(stderr, "bulkhead: no command \"%.40s\" (bulkhead help lists them)\n", name);
    return EXIT_MISUSE;
}

static int help_main(int argc, char **argv)
{
    int args;
    int status = cli_parse(&help_command, argc, argv, NULL, &args);
    if (status >= 0)
        return status;
    if (args == 0) {
        print_commands(stdout);
        return EXIT_YES;
    }
    const struct cli_command *command = command_at(argv[1]);
    if (command == NULL)
        return unknown(argv[1]);
    char help[] = "--help";
    char *help_argv[] = {argv[1], help, NULL};
    return command->main(2, help_argv);
}

static int version_main(int argc, char **argv)
{
    int args;
    int status = cli_parse(&version_command, argc, argv, NULL, &args);
    if (status >= 0)
        return status;
    printf("bulkhead %s\n", BULKHEAD_VERSION);
    return EXIT_YES;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_MISUSE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_commands(stdout);
        return EXIT_YES;
    }
    const struct cli_command *command =
        command_at(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (command == NULL)
        return unknown(argv[1]);
    int status = command->main(argc - 1, argv + 1);
    /* A full disk or a closed pipe must not look like success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "bulkhead: cannot write the output\n");
        return EXIT_MISUSE;
    }
    return status;
}
