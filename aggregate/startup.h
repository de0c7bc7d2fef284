// What an aggregator looks at before its work begins. `run` and `check` go through the very same steps.
#pragma once

#include "stream/startup/basis.h"

// Configuration, rules, pseudonym key, open files, the store, and is it ours: no Kafka. The group is the
// aggregators' own. `extra` are the command's own flags (may be NULL). With request->help set nothing else
// was done.
enum status startup_read(struct basis *basis, int argc, char **argv, const struct option_row *extra,
                         size_t extra_count, void *extra_target, struct config_request *request,
                         walk_report report, void *context);

// The topic and its settings, and is the store of it. Stops at the first failure; with `all` it goes on, and
// looks at the topic's messages, too.
enum status startup_connect(struct basis *basis, bool all, walk_report report, void *context);
