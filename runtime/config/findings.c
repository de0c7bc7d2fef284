#include "runtime/config/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

enum { FINDING_MAX = 1000 };

static const char code_text[] = "CLM-C1 ";
static findings_tell *redirected;
static void *redirected_to;

void findings_init(struct findings *f) {
    *f = (struct findings){.status = STATUS_OK};
}

void findings_fini(struct findings *f) {
    free(f->text);
    findings_init(f);
}

static size_t bounded(int printed, size_t room) {
    if (printed < 0)
        return 0;
    return (size_t)printed < room ? (size_t)printed : room - 1;
}

// A key or value may hold anything, escape sequences of terminals among it.
static void make_harmless(char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == 0x7f)
            text[i] = '?';
    }
}

void findings_add(struct findings *f, enum status status, const char *origin, const char *format, ...) {
    char line[FINDING_MAX];
    const char *gap = origin[0] != '\0' ? " " : "";
    const char *code = status == STATUS_CONFIG ? code_text : "";
    size_t length = bounded(snprintf(line, sizeof(line), "%s%s%s", origin, gap, code), sizeof(line));
    va_list arguments;
    va_start(arguments, format);
    length +=
        bounded(vsnprintf(line + length, sizeof(line) - length, format, arguments), sizeof(line) - length);
    va_end(arguments);
    make_harmless(line, length);

    f->text = memory_grow(f->text, f->length + length + 1, 1);
    memcpy(f->text + f->length, line, length);
    f->text[f->length + length] = '\n';
    f->length += length + 1;
    f->count++;
    if (f->status == STATUS_OK || status < f->status)
        f->status = status;
}

void findings_redirect(findings_tell *tell, void *context) {
    redirected = tell;
    redirected_to = context;
}

// The code, which stands after the origin, apart from the rest.
static void tell(enum status status, const char *line, size_t length) {
    struct problem problem;
    const char *code = memmem(line, length, code_text, sizeof(code_text) - 1);
    size_t before = code != NULL ? (size_t)(code - line) : length;
    size_t after = code != NULL ? before + sizeof(code_text) - 1 : length;
    problem_set(&problem, status, code != NULL ? "CLM-C1" : "", "", "%.*s%.*s", (int)before, line,
                (int)(length - after), line + after);
    redirected(redirected_to, &problem);
}

void findings_print(const struct findings *f) {
    for (size_t at = 0; redirected != NULL && at < f->length;) {
        size_t length = (size_t)((const char *)memchr(f->text + at, '\n', f->length - at) - (f->text + at));
        tell(f->status, f->text + at, length);
        at += length + 1;
    }
    if (redirected != NULL)
        return;
    if (f->length > 0)
        fwrite(f->text, 1, f->length, stderr);
    fflush(stderr);
}
