// SIGINT and SIGTERM as a question: commands that send end cleanly, with what is outstanding delivered and
// the summary printed.
#pragma once

#include <stdbool.h>

void stop_arm(void);
bool stop_asked(void);
