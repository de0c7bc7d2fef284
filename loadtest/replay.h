// `clameur-loadtest replay`: a recording of real events into the topic.
#pragma once

#include "loadtest/message.h"

// A recording as a feed; what `replay` sends.
struct replay_options {
    const char *path;
    const char *format;
    const char *account;     // "" for the format's own
    int64_t from_s, until_s; // seconds since 1970: from <= t < until
    uint64_t limit;          // 0: all
    int64_t rate;            // events a second; 0: see speed
    double speed;            // times faster than recorded; 0: as fast as it goes
    bool stamp_now;          // timestamps of sending, not of the event
    int32_t partitions;
};

struct replay;

// STATUS_NO_INPUT where the file cannot be opened. The options are borrowed.
enum status replay_open(struct replay **replay, const struct replay_options *options,
                        struct problem *problem);
void replay_close(struct replay **replay);

// A feed's `next`, with the replay as its context.
enum status replay_next(void *replay, struct message *out, struct problem *problem);

// argv[0] is the subcommand's name. Returns the exit code (sysexits.h).
int replay_main(int argc, char **argv);
