// The commands of clameur-aggregate: each takes its own argv (argv[0] its name) and returns the exit code.
#pragma once

int command_run(int argc, char **argv);
