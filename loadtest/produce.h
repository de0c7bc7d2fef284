// `clameur-loadtest produce`: a seeded stream of events into the topic.
#pragma once

// argv[0] is the subcommand's name. Returns the exit code (sysexits.h).
int produce_main(int argc, char **argv);
