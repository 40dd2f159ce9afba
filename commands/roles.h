/* roles.h - the processes of a live system, as subcommands that no help mentions. */
#ifndef COMMANDS_ROLES_H
#define COMMANDS_ROLES_H

#include "commands/cli.h"

/* control, door, agent, service; ended by NULL. */
extern const struct cli_command *const role_commands[];

#endif
