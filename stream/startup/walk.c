#include "stream/startup/walk.h"

#include <stdarg.h>
#include <stdio.h>

enum status walk_steps(struct walk *walk, const struct walk_step *steps, size_t count, unsigned parts,
                       unsigned *failed, bool all) {
    enum status first = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        if ((parts & steps[i].part) == 0 || (steps[i].needs & *failed) != 0)
            continue;
        walk->step = steps[i].name;
        enum status status = steps[i].run(walk);
        if (status == STATUS_OK)
            continue;
        *failed |= steps[i].is;
        first = first == STATUS_OK ? status : first;
        if (!all)
            break;
    }
    return first;
}

void walk_found(struct walk *walk, const char *format, ...) {
    char detail[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    walk->report(walk->context, walk->step, detail, NULL);
}

enum status walk_trouble(struct walk *walk, const struct problem *problem) {
    walk->report(walk->context, walk->step, "", problem);
    return problem->status;
}

enum status walk_trouble_told(struct walk *walk, enum status status) {
    struct problem p = {.status = status};
    return walk_trouble(walk, &p);
}

void walk_print_trouble(void *context, const char *step, const char *detail, const struct problem *problem) {
    if (problem != NULL && problem->what[0] != '\0')
        problem_print(problem);
}
