// CHECK stops the process on a bug. It stays on in release builds, and never looks at bytes from Kafka,
// Redis, disk or configuration: those are data.
#pragma once

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

// For a place that only a bug reaches; `why` is a text.
#define CHECK_UNREACHABLE(why) check_failed("unreachable: " why, __FILE__, __LINE__)

_Noreturn void check_failed(const char *condition, const char *file, int line);
