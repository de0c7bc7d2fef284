// What every program that reads the log stands on: its configuration, what that names (rules, pseudonym key),
// and the topic. Read and checked step by step (stream/startup/walk.h); a program puts the steps into its own
// table.
#pragma once

#include "runtime/config/config.h"
#include "runtime/config/rules.h"
#include "schemas/settings.h"
#include "stream/pseudonym.h"
#include "stream/startup/walk.h"

enum { BASIS_TOPIC_ID_MAX = 64 };

struct basis {
    int argc; // the command line, to be read again at a reload
    char **argv;
    struct settings settings;
    struct config *config;
    const struct config_pair *passthrough;
    size_t passthrough_count;
    struct rules_book rules;
    struct pseudonymiser *pseudonyms;
    int32_t partitions;                // of the topic, now; after basis_step_topic
    char topic_id[BASIS_TOPIC_ID_MAX]; // "": unknown; after basis_step_topic_settings
    bool has_controller;               // the cluster tells of settings; as above
    unsigned failed;                   // of the program's own steps, for a later part: what did not go well
};

void basis_fini(struct basis *b);

// Were the rules and the keys read? `check` goes on without them.
bool basis_files_read(const struct basis *b);

// --- Without a network

// The first step of all, "configuration": begins the basis, and loads the command line (argv[0] is the
// command's name), files and environment; `extra` are the command's own flags (may be NULL). Findings have
// been printed. It reports its failure alone: what was found is for the program to say. With request->help
// set nothing else was done.
enum status basis_configure(struct walk *walk, int argc, char **argv, const struct option_row *extra,
                            size_t extra_count, void *extra_target, struct config_request *request);

enum status basis_step_properties(struct walk *walk); // does librdkafka take the kafka.* keys?
enum status basis_step_rules(struct walk *walk);
enum status basis_step_pseudonyms(struct walk *walk);
enum status basis_step_open_files(struct walk *walk); // raises the limit as far as it must and may

// --- With it

enum status basis_step_topic(struct walk *walk); // reachable, and there
// Can its log be counted exactly? After basis_step_topic.
enum status basis_step_topic_settings(struct walk *walk);
// Are its newest messages events? Of the topic that basis_step_topic found; without pseudonyms it does
// nothing.
enum status basis_step_sample(struct walk *walk);
