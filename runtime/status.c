#include "runtime/status.h"

#include <stdarg.h>
#include <stdio.h>

enum status problem_set(struct problem *p, enum status status, const char *code, const char *remedy,
                        const char *format, ...) {
    if (p == NULL)
        return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(p->what, sizeof(p->what), format, arguments);
    va_end(arguments);
    p->status = status;
    snprintf(p->code, sizeof(p->code), "%s", code);
    snprintf(p->remedy, sizeof(p->remedy), "%s", remedy);
    return status;
}

void problem_print(const struct problem *p) {
    fprintf(stderr, "%s%s%s%s\n", p->status == STATUS_OK ? "warning: " : "", p->code,
            p->code[0] != '\0' ? " " : "", p->what);
    if (p->remedy[0] != '\0')
        fprintf(stderr, "    do: %s\n", p->remedy);
}
