// A keeper of a store of the test, and files laid into it by hand.
#pragma once

#include "aggregate/keep/keeper.h"
#include "tests/unit/snapshot_fixture.h"
#include "tests/unit/store_of_test.h"

static struct keeper keeper;

static inline void keeper_fresh(uint32_t partitions) {
    store = store_fresh();
    keeper = (struct keeper){.store = store,
                             .topic = "engagement",
                             .topic_id = "k8s2",
                             .rules_hash = "0011",
                             .kpis_hash = "2233",
                             .partitions = partitions};
}

static inline struct header keeper_header(enum file_kind kind, int64_t start_s) {
    return (struct header){.kind = kind,
                           .start_s = start_s,
                           .end_s = start_s + WINDOW_S,
                           .topic = keeper.topic,
                           .topic_id = keeper.topic_id,
                           .rules_hash = keeper.rules_hash,
                           .kpis_hash = keeper.kpis_hash,
                           .partitions = keeper.partitions};
}

// A sealed-through record that says so.
static inline void lay_record(const struct progress *progress) {
    char name[NAME_MAX_LENGTH];
    struct header header = keeper_header(FILE_THROUGH, 0);
    struct snapshot_bytes bytes;
    header.progress = progress;
    through_name_write(name,
                       &(struct through_name){progress->partition, progress->offset, progress->sealed_s});
    snapshot_write(&bytes, &header, NULL, 0);
    assert_int_equal(store_put(store, name, bytes.at, bytes.length, NULL), STATUS_OK);
    snapshot_bytes_fini(&bytes);
}

static inline void lay(const char *name, const struct header *header, const struct rows *rows) {
    struct snapshot_bytes bytes = written(header, rows);
    assert_int_equal(store_put(store, name, bytes.at, bytes.length, NULL), STATUS_OK);
    snapshot_bytes_fini(&bytes);
}
