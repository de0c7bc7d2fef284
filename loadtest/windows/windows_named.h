// Of the hashtags and of the topics of an account on a platform a window tells apart those of most uses; all
// others share a row without an id. Pure; the recount's own way.
#pragma once

#include "loadtest/windows/windows_model.h"

// Once, after window_model_settle.
void windows_named_fold(struct window_model *m);
