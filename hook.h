#include "commands/demo_live.h"
