// `clameur-loadtest broker`: librdkafka's embedded mock cluster as a process of its own.
//
// For the demo and quick functional tests: groups, commits and codecs work; transactions are fake, and of
// each partition the last 5 MiB are kept and nothing says so. Never for claims about exactness or speed.
#pragma once

// argv[0] is the subcommand's name. Returns the exit code (sysexits.h).
int broker_main(int argc, char **argv);
