// Steps of an aggregator's start that have a file of their own.
#pragma once

#include "stream/startup/walk.h"

// Do alerts on mentions have somewhere to go? After "topic settings".
enum status startup_step_alerts(struct walk *walk);
