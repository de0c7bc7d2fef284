// jansson does not say where a value stood, so the text is walked a second time. It is known to be JSON, so
// strings and brackets are all that matters.
#include "stream/decode/json_parts.h"

#include <jansson.h>

#include "runtime/check.h"

struct walk {
    const char *at, *end;
};

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The next character that is no space.
static char peek(struct walk *w) {
    while (w->at < w->end && is_space(*w->at))
        w->at++;
    CHECK(w->at < w->end);
    return *w->at;
}

static void skip(struct walk *w, char expected) {
    CHECK(peek(w) == expected);
    w->at++;
}

static void skip_string(struct walk *w) {
    skip(w, '"');
    for (; w->at < w->end && *w->at != '"'; w->at++)
        w->at += *w->at == '\\';
    CHECK(w->at < w->end);
    w->at++;
}

static bool ends_scalar(char c) {
    return is_space(c) || c == ',' || c == ']' || c == '}';
}

static struct slice take_value(struct walk *w) {
    peek(w);
    const char *start = w->at;
    int depth = 0;
    do {
        char c = *w->at;
        if (c == '"') {
            skip_string(w);
        } else if (depth > 0 || c == '{' || c == '[') {
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            w->at++;
        } else {
            while (w->at < w->end && !ends_scalar(*w->at))
                w->at++;
        }
    } while (depth > 0 && w->at < w->end);
    return (struct slice){start, (size_t)(w->at - start)};
}

// A key as it stands, in its quotes, perhaps with escapes.
static bool is_key(struct slice quoted, const char *key) {
    if (memchr(quoted.at, '\\', quoted.length) == NULL)
        return slice_equal((struct slice){quoted.at + 1, quoted.length - 2}, slice_of(key));
    json_t *text = json_loadb(quoted.at, quoted.length, JSON_DECODE_ANY, NULL);
    bool same = text != NULL && strcmp(json_string_value(text), key) == 0;
    json_decref(text);
    return same;
}

void json_parts_find(struct slice text, const char *key, struct slice *parts, size_t count) {
    struct walk w = {text.at, text.at + text.length};
    skip(&w, '{');
    for (;;) {
        bool found = is_key(take_value(&w), key);
        skip(&w, ':');
        if (found)
            break;
        take_value(&w);
        skip(&w, ',');
    }
    for (size_t i = 0; i < count; i++) {
        skip(&w, i == 0 ? '[' : ',');
        parts[i] = take_value(&w);
    }
}
