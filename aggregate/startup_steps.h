// Steps of an aggregator's start that have a file of their own.
#pragma once

#include "stream/startup/walk.h"

// Are orders kept for as long as refunds look for them? After "rules".
enum status startup_step_refunds(struct walk *walk);
// May the store be written?
enum status startup_step_store(struct walk *walk);
// Was it begun with these settings, these rules? After "rules" and "store".
enum status startup_step_store_settings(struct walk *walk);
// Does it count by these keys? After "pseudonym key" and "store". Whether a new one lies ahead of the log's
// records "store's log" asks.
enum status startup_step_store_keys(struct walk *walk);
// Is it of this log, and do keys that are new to it lie ahead of its records? After all of these and "topic
// settings".
enum status startup_step_store_log(struct walk *walk);
// Do alerts on mentions have somewhere to go? After "topic settings".
enum status startup_step_alerts(struct walk *walk);
