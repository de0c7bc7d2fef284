// How an operation ended, and what to tell the person who runs it.
//
// Three kinds of trouble, three ways out: bad *data* is a counted reject (schemas/rejects.def); trouble in
// the *environment* is a status, with a problem that names the fact and the remedy; a *bug* stops the process
// in CHECK (runtime/check.h).
#pragma once

#include <stddef.h>

// The values are the exit codes of sysexits.h, so that a program's exit code is the status that ended it.
enum status {
    STATUS_OK = 0,
    STATUS_NO = 1,           // the check ran and the answer is no
    STATUS_USAGE = 64,       // the command line
    STATUS_BAD_DATA = 65,    // the log or the counters are not what they must be
    STATUS_NO_INPUT = 66,    // a file that was named is not there
    STATUS_UNAVAILABLE = 69, // Kafka, Redis or a port
    STATUS_OS = 71,          // a limit of the operating system
    STATUS_CANT_CREATE = 73, // cannot write
    STATUS_TRY_AGAIN = 75,   // may succeed later
    STATUS_NOT_ALLOWED = 77, // permission
    STATUS_CONFIG = 78,      // the configuration
};

// What went wrong: `code` is a row of runtime/errors.def ("CLM-K1") or "" where none fits, `what` one
// sentence with the measured fact, `remedy` what to do, as a command where there is one.
struct problem {
    enum status status;
    char code[12];
    char what[512];
    char remedy[384];
};

// Fills `p` (may be NULL) and returns `status`, so that `return problem_set(...)` reads in one line.
enum status problem_set(struct problem *p, enum status status, const char *code, const char *remedy,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));

// Prints "CLM-K1 what" and "    do: remedy" to standard error; of a warning (STATUS_OK) "warning: " before
// it.
void problem_print(const struct problem *p);
