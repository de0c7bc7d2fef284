// Steps of an aggregator's start that have a file of their own.
#pragma once

#include "stream/startup/walk.h"

// Are orders kept for as long as refunds look for them? After "rules".
enum status startup_step_refunds(struct walk *walk);
// Do alerts on mentions have somewhere to go? After "topic settings".
enum status startup_step_alerts(struct walk *walk);
