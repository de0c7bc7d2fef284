#include "runtime/config/config_flags.h"

#include <string.h>

struct words {
    char **at;
    char **end;
};

static bool word_is_flag(const char *word) {
    return strncmp(word, "--", 2) == 0 || strcmp(word, "-c") == 0 || strcmp(word, "-h") == 0;
}

// The word after the present one, where it can be a value: a flag cannot (-3 can).
static char *value_after(struct words *w) {
    if (w->at + 1 >= w->end || word_is_flag(w->at[1]))
        return NULL;
    return *++w->at;
}

static const char *switch_value(struct words *w) {
    bool given = w->at + 1 < w->end && (strcmp(w->at[1], "true") == 0 || strcmp(w->at[1], "false") == 0);
    return given ? *++w->at : "true";
}

// The text before `=`, the whole where there is none: what follows may be a secret.
static const char *flag_text(struct arena *arena, const char *word) {
    size_t length = strcspn(word, "=");
    char *text = arena_take_bytes(arena, length + 1);
    memcpy(text, word, length);
    text[length] = '\0';
    return text;
}

static void add_named(struct config_flags *flags, const char *name, const char *value,
                      struct findings *findings) {
    if (strcmp(name, "config") != 0)
        flags->flags[flags->flag_count++] = (struct config_flag){name, value};
    else if (value != NULL)
        flags->files[flags->file_count++] = value;
    else
        findings_add(findings, STATUS_USAGE, "--config", "needs a value");
}

static void read_word(struct config_flags *flags, struct arena *arena, struct words *w,
                      config_is_switch is_switch, const void *context, struct findings *findings) {
    const char *word = *w->at;
    if (word[0] != '-' || word[1] == '\0') {
        flags->arguments[flags->argument_count++] = word;
        return;
    }
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
        flags->help = true;
        return;
    }
    if (strcmp(word, "-c") == 0 || strcmp(word, "-o") == 0) {
        add_named(flags, word[1] == 'c' ? "config" : "output", value_after(w), findings);
        return;
    }
    if (word[1] != '-') {
        findings_add(findings, STATUS_USAGE, flag_text(arena, word),
                     "unknown flag; -c FILE, -h and --name=value are understood");
        return;
    }
    const char *name = flag_text(arena, word + 2), *equals = strchr(word, '=');
    const char *value = equals != NULL             ? equals + 1
                        : is_switch(context, name) ? switch_value(w)
                                                   : value_after(w);
    add_named(flags, name, value, findings);
}

void config_flags_read(struct config_flags *flags, struct arena *arena, int argc, char **argv, int first,
                       config_is_switch is_switch, const void *context, struct findings *findings) {
    size_t room = argc > first ? (size_t)(argc - first) : 1;
    *flags = (struct config_flags){
        .flags = arena_take(arena, room * sizeof(*flags->flags)),
        .files = arena_take(arena, room * sizeof(*flags->files)),
        .arguments = arena_take(arena, room * sizeof(*flags->arguments)),
    };
    struct words w = {.at = argv + first, .end = argv + argc};
    for (; w.at < w.end; w.at++) {
        if (strcmp(*w.at, "--") == 0)
            break;
        read_word(flags, arena, &w, is_switch, context, findings);
    }
    while (w.at < w.end && ++w.at < w.end)
        flags->arguments[flags->argument_count++] = *w.at;
}
