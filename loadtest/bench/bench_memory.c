#include "loadtest/bench/bench_memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

enum { SAMPLES_MIN = 6 };

void memory_course_fini(struct memory_course *course) {
    free(course->samples);
    *course = (struct memory_course){0};
}

void memory_course_add(struct memory_course *course, double s, double mib) {
    if ((course->count & (course->count - 1)) == 0) // room for a power of two
        course->samples =
            memory_grow(course->samples, course->count > 0 ? 2 * course->count : 1, sizeof(*course->samples));
    course->samples[course->count++] = (struct memory_sample){s, mib};
}

void memory_course_sample(struct memory_course *course, pid_t pid, double s) {
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            memory_course_add(course, s, strtod(line + 6, NULL) / 1024);
        if (strncmp(line, "VmHWM:", 6) == 0)
            course->peak_mib = strtod(line + 6, NULL) / 1024;
    }
    if (file != NULL)
        fclose(file);
}

static double mean_mib(const struct memory_sample *samples, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += samples[i].mib;
    return sum / (double)count;
}

static double slope(const struct memory_sample *samples, size_t count) {
    double mean_s = 0, products = 0, squares = 0, mean = mean_mib(samples, count);
    for (size_t i = 0; i < count; i++)
        mean_s += samples[i].s / (double)count;
    for (size_t i = 0; i < count; i++) {
        products += (samples[i].s - mean_s) * (samples[i].mib - mean);
        squares += (samples[i].s - mean_s) * (samples[i].s - mean_s);
    }
    return squares > 0 ? products / squares : 0;
}

struct memory_trend memory_course_trend(const struct memory_course *course) {
    struct memory_trend trend = {NAN, NAN, NAN};
    if (course->count < SAMPLES_MIN)
        return trend;
    size_t third = course->count / 3;
    const struct memory_sample *last = course->samples + course->count - third, *middle = last - third;
    return (struct memory_trend){mean_mib(middle, third), mean_mib(last, third),
                                 60 * slope(middle, 2 * third)};
}

json_t *memory_course_json(const struct memory_course *course) {
    json_t *rows = json_array();
    for (size_t i = 0; i < course->count; i++)
        json_array_append_new(rows, json_pack("[f f]", course->samples[i].s, course->samples[i].mib));
    return rows;
}
