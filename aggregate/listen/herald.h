// Tells alerts: sends them to the topic of alerts (alerts.topic) until Kafka acknowledges them.
//
// A message's key is the account, its value the alert's JSON. What Kafka refuses is sent again once a second,
// and said (CLM-K7) with the first that is. Nothing is connected before the first alert.
//
// All functions on the loop's thread.
#pragma once

#include "aggregate/listen/watcher.h"
#include "runtime/config/config.h"
#include "runtime/loop.h"
#include "schemas/settings.h"

struct herald;

enum status herald_create(struct herald **created, const struct settings *settings,
                          const struct config_pair *passthrough, size_t passthrough_count, struct loop *loop,
                          struct problem *problem);
// What is not acknowledged is given up: whoever goes on with the chain tells it again.
void herald_destroy(struct herald **destroyed);

// Copies them, and logs what is raised.
void herald_tell(struct herald *h, const struct watcher_message *messages, size_t count);
bool herald_is_done(const struct herald *h); // all were acknowledged

// Serves reports and repeats; call once a loop turn.
void herald_poll(struct herald *h, int64_t now_ms);

size_t herald_pending(const struct herald *h);
uint64_t herald_acknowledged(const struct herald *h, enum baseline_change change);
