// Recordings of real events. A format is a row of a table and the function that reads its next event.
#pragma once

#include "loadtest/generate/draft.h"
#include "loadtest/recordings/lines.h"

struct recording_format {
    const char *name;
    const char *account; // whose events they are, unless --account says otherwise
    const char *doc;
    // Reads what makes up the next event into the draft, which was reset: everything but account_id, with
    // event.event_id set. STATUS_OK, STATUS_NO at the end, STATUS_BAD_DATA naming path and line.
    enum status (*read)(struct lines *lines, struct draft *draft, struct problem *problem);
};

extern const struct recording_format recording_formats[];
extern const size_t recording_format_count;

const struct recording_format *recording_find(const char *name); // NULL where there is none

// higgs.c
enum status higgs_read(struct lines *lines, struct draft *draft, struct problem *problem);
