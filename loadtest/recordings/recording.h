// Recordings of real events. A format is a row of a table and the functions that open, read and close one.
#pragma once

#include "loadtest/generate/draft.h"
#include "runtime/status.h"

struct recording_format {
    const char *name;
    const char *account; // whose events they are, unless --account says otherwise
    const char *doc;
    // STATUS_NO_INPUT where a file cannot be opened, STATUS_BAD_DATA where it does not begin as it must.
    enum status (*open)(const char *path, void **recording, struct problem *problem);
    // Reads what makes up the next event into the draft, which was reset: everything but account_id, with
    // event.event_id set; valid until the next call. STATUS_OK, STATUS_NO at the end, STATUS_BAD_DATA naming
    // path and line.
    enum status (*read)(void *recording, struct draft *draft, struct problem *problem);
    void (*close)(void *recording);
};

extern const struct recording_format recording_formats[];
extern const size_t recording_format_count;

const struct recording_format *recording_find(const char *name); // NULL where there is none

// No recording has ids of its own. One minted from `name`, which no other event of the recording has, is the
// same each time it is played; the seed is the recording's.
void recording_mint_id(struct draft *draft, uint64_t seed, struct slice name);

// <name>.c
#define RECORDING(prefix)                                                                                    \
    enum status prefix##_open(const char *path, void **recording, struct problem *problem);                  \
    enum status prefix##_read(void *recording, struct draft *draft, struct problem *problem);                \
    void prefix##_close(void *recording);
RECORDING(higgs)
RECORDING(online_retail)
RECORDING(complete_journey)
RECORDING(otto)
#undef RECORDING
