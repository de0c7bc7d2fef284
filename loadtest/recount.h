// `clameur-loadtest recount`: an independent count of the log, held against what Redis has.
//
// It shares no code with ingest past schemas/ and runtime/: its own consumer, protobuf-c's plain decoder, its
// own validation, duplicates, pseudonyms and measures. Prefer plain clarity over speed here: it is the
// oracle.
//
//     recount_log    the records, in offset order            recount_model    what Redis must hold
//     recount_event  a record's events, their validity       recount_redis    what Redis holds, its marks
//     measures       what an event adds up to                recount_compare  the one against the other
//     recount_fold   records into the model                  recount_report   the answer
#pragma once

// argv[0] is the subcommand's name. Returns the exit code: 0 no difference, 1 some, 75 workers are running,
// else sysexits.h.
int recount_main(int argc, char **argv);
