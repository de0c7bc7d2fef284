#include "runtime/program.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/config/config.h"
#include "runtime/memory.h"
#include "runtime/status.h"

static bool is_word(const char *word, const char *name) {
    return strcmp(word, name) == 0;
}

static bool asks_help(const char *word) {
    return is_word(word, "-h") || is_word(word, "--help");
}

static const struct program_command *command_find(const struct program *p, const char *name) {
    for (size_t i = 0; i < p->command_count; i++) {
        if (is_word(name, p->commands[i].name))
            return &p->commands[i];
    }
    return NULL;
}

// ---- what it can do

static void usage_print(const struct program *p, FILE *out) {
    fprintf(out, "usage: %s COMMAND %s\n\n", p->name, p->flags);
    for (size_t i = 0; i < p->command_count; i++)
        fprintf(out, "  %-10s %s\n", p->commands[i].name, p->commands[i].doc);
    fprintf(out, "  %-10s this text, or a command's", "help");
    for (size_t i = 0; i < p->topic_count; i++)
        fprintf(out, "%s%s", i == 0 ? "; or: help " : "|", p->topics[i].name);
    fprintf(out, "\n\n`%s COMMAND --help` shows a command's options.\n", p->name);
}

static void topics_print(const struct program *p, FILE *out) {
    for (size_t i = 0; i < p->topic_count; i++)
        fprintf(out, "%s help %-10s %s\n", p->name, p->topics[i].name, p->topics[i].doc);
    fprintf(out, "%s help %-10s what `%s COMMAND --help` shows\n", p->name, "COMMAND", p->name);
}

// The nearest name of a command and, where they are meant too, of a topic.
static int refuse(const struct program *p, const char *what, const char *word, size_t topic_count) {
    const char **names = memory_take((p->command_count + topic_count + 1) * sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < topic_count; i++)
        names[count++] = p->topics[i].name;
    for (size_t i = 0; i < p->command_count; i++)
        names[count++] = p->commands[i].name;
    const char *nearest = config_nearest(word, names, count);
    if (nearest != NULL)
        fprintf(stderr, "%s: no %s \"%s\"; did you mean \"%s\"?\n", p->name, what, word, nearest);
    else
        fprintf(stderr, "%s: no %s \"%s\"; see %s --help\n", p->name, what, word, p->name);
    free(names);
    return STATUS_USAGE;
}

static int help(const struct program *p, int argc, char **argv) {
    if (argc > 2) {
        topics_print(p, stderr);
        return STATUS_USAGE;
    }
    if (argc < 2)
        usage_print(p, stdout);
    else if (asks_help(argv[1]))
        topics_print(p, stdout);
    if (argc < 2 || asks_help(argv[1]))
        return STATUS_OK;
    for (size_t i = 0; i < p->topic_count; i++) {
        if (is_word(argv[1], p->topics[i].name)) {
            p->topics[i].print();
            return STATUS_OK;
        }
    }
    const struct program_command *command = command_find(p, argv[1]);
    if (command != NULL)
        return command->run(2, (char *[]){argv[1], (char[]){"--help"}, NULL});
    return refuse(p, "help on", argv[1], p->topic_count);
}

// ---- how it ends

static bool reader_has_gone(void) {
    struct pollfd end = {.fd = STDOUT_FILENO};
    return poll(&end, 1, 0) == 1 && (end.revents & POLLERR) != 0;
}

static int written(int code) {
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    if (reader_has_gone()) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    struct problem p;
    problem_set(&p, STATUS_CANT_CREATE, "", "choose a place that can be written, with room",
                "standard output did not take all of it");
    problem_print(&p);
    return STATUS_CANT_CREATE;
}

static int answer(const struct program *p, int argc, char **argv) {
    const char *word = is_word(argv[1], "--version") ? "version" : argv[1];
    const struct program_command *command = command_find(p, word);
    if (asks_help(word)) {
        usage_print(p, stdout);
        return STATUS_OK;
    }
    if (is_word(word, "help"))
        return help(p, argc - 1, argv + 1);
    return command != NULL ? command->run(argc - 1, argv + 1) : refuse(p, "command", word, 0);
}

int program_run(const struct program *program, int argc, char **argv) {
    if (argc >= 2)
        return written(answer(program, argc, argv));
    usage_print(program, stderr);
    return STATUS_USAGE;
}

// ---- reference tables

void program_help_errors(void) {
    static const struct {
        const char *code;
        int exit;
        const char *situation, *remedy;
    } rows[] = {
#define ERROR(code, exit, situation, remedy) {"CLM-" #code, exit, situation, remedy},
#include "runtime/errors.def"
#undef ERROR
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char ending[24] = "goes on";
        if (rows[i].exit != 0)
            snprintf(ending, sizeof(ending), "exit %d", rows[i].exit);
        printf("%-8s %-8s %s\n                  do: %s\n", rows[i].code, ending, rows[i].situation,
               rows[i].remedy);
    }
}

void program_help_metric(const char *name, const char *label, const char *doc) {
    if (label != NULL)
        printf("%s{%s}\n    %s\n", name, label, doc);
    else
        printf("%s\n    %s\n", name, doc);
}
