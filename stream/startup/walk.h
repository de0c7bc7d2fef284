// A walk over the steps of a start: what a program looks at, one after the other, before its work begins.
// Each program lists its own steps; `run` and `check` go through the very same: `check` prints them all,
// `run` stops at the first that fails.
//
// A step reports what it found, line by line, and returns its failure; warnings are reports too. What a later
// step needs of an earlier one stands in the basis, or in what the program keeps around its walk.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/status.h"

struct basis;

// One step's outcome. `problem` is NULL where it went well; `detail` says what was found ("7.0.15,
// noeviction"). A warning is a problem whose status is STATUS_OK. A problem whose `what` is "" has printed
// all its findings already (configuration and rules).
typedef void (*walk_report)(void *context, const char *step, const char *detail,
                            const struct problem *problem);

struct walk {
    struct basis *basis;
    walk_report report;
    void *context;
    const char *step; // the present one's name
};

struct walk_step {
    const char *name;
    unsigned part;  // one bit: of which part of the start it is
    unsigned is;    // a bit for others to need, or 0
    unsigned needs; // all steps that must have gone well: one that was passed over has not failed
    enum status (*run)(struct walk *walk);
};

// Takes the steps of `parts` in their order. Stops at the first failure; with `all` it goes on with those
// that do not need what has failed. `*failed`: what has, before and then after. Returns the first failure.
enum status walk_steps(struct walk *walk, const struct walk_step *steps, size_t count, unsigned parts,
                       unsigned *failed, bool all);

// Reports the present step: all is well, and this was found.
void walk_found(struct walk *walk, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Reports a failure, or a warning where its status is STATUS_OK. Returns the status.
enum status walk_trouble(struct walk *walk, const struct problem *problem);
// Reports a failure whose findings have been printed already.
enum status walk_trouble_told(struct walk *walk, enum status status);

// A report for commands that have other things to say: problems alone, on standard error.
void walk_print_trouble(void *context, const char *step, const char *detail, const struct problem *problem);
