// `clameur-loadtest recount`: an independent count of the log, held against what Redis has.
//
// It shares no code with ingest past schemas/ and runtime/: its own consumer, protobuf-c's plain decoder, its
// own validation, duplicates, pseudonyms and measures. Prefer plain clarity over speed here: it is the
// oracle.
//
//     recount_log      the records, in offset order
//     recount_event    a record's events; recount_json writes JSON as protobuf for it
//     recount_judge    are they possible?
//     recount_dedup    were they there before?
//     recount_ids      pseudonyms
//     measures         what an event adds up to
//     recount_model    what Redis must hold; recount_table is what it is made of
//     recount_fold     records into the model, for each shard up to its mark
//     recount_redis    the deployment, its marks, SCAN
//     recount_reach    sketches of our own, beside those in Redis
//     recount_rules    the rules versions it was counted by
//     recount_faults   what Redis could not apply
//     recount_compare  a shard, key by key
//     recount_unknown  keys that nothing explains
//     recount_report   the answer
#pragma once

// argv[0] is the subcommand's name. Returns the exit code: 0 no difference, 1 some, 75 workers are running,
// else sysexits.h.
int recount_main(int argc, char **argv);
