// The resident memory of a process over time: is it flat?
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct memory_sample {
    double s, mib;
};

struct memory_course {
    struct memory_sample *samples;
    size_t count;
    double peak_mib; // as the kernel last said it (VmHWM)
};

void memory_course_fini(struct memory_course *course);
void memory_course_add(struct memory_course *course, double s, double mib);
// Adds what the kernel says of the process now (VmRSS, VmHWM); nothing where it is gone.
void memory_course_sample(struct memory_course *course, pid_t pid, double s);

// Of the last two thirds of the samples, for the first is filling: the mean of the middle and of the last
// third, and the slope by least squares. NAN with fewer than 6 samples.
struct memory_trend {
    double middle_mib, last_mib, mib_per_minute;
};
struct memory_trend memory_course_trend(const struct memory_course *course);

json_t *memory_course_json(const struct memory_course *course); // [[s, MiB], ...]
