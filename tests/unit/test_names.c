#include "aggregate/store/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *leaf(const char *name) {
    return strrchr(name, '/') + 1;
}

static void every_name_is_read_as_it_was_written(void **state) {
    static const int64_t offsets[] = {0, 1, 9, 10, 1234567890123, INT64_MAX - 1, INT64_MAX};
    static const uint32_t partitions[] = {0, 7, 9999, 10000, UINT32_MAX};
    enum {
        OFFSETS = sizeof(offsets) / sizeof(offsets[0]),
        PARTITIONS = sizeof(partitions) / sizeof(partitions[0])
    };
    char text[NAME_MAX_LENGTH];
    for (size_t i = 0; i < OFFSETS * PARTITIONS; i++) {
        uint32_t partition = partitions[i / OFFSETS];
        int64_t a = offsets[i % OFFSETS], b = offsets[OFFSETS - 1 - i % OFFSETS];
        struct part_name part = {.start_s = b, .partition = partition, .from = a, .to = b}, part_back;
        part_name_write(text, &part);
        assert_true(part_name_parse(&part_back, b, leaf(text)));
        assert_int_equal(part_back.start_s, part.start_s);
        assert_int_equal(part_back.partition, partition);
        assert_int_equal(part_back.from, a);
        assert_int_equal(part_back.to, b);
        struct through_name through = {.partition = partition, .offset = a, .sealed_s = b}, through_back;
        through_name_write(text, &through);
        assert_true(through_name_parse(&through_back, leaf(text)));
        assert_int_equal(through_back.partition, partition);
        assert_int_equal(through_back.offset, a);
        assert_int_equal(through_back.sealed_s, b);
        struct checkpoint_name checkpoint = {.partition = partition, .offset = a, .after = b},
                               checkpoint_back;
        checkpoint_name_write(text, &checkpoint);
        assert_true(checkpoint_name_parse(&checkpoint_back, leaf(text)));
        assert_int_equal(checkpoint_back.partition, partition);
        assert_int_equal(checkpoint_back.offset, a);
        assert_int_equal(checkpoint_back.after, b);
        struct snapshot_name snapshot = {
            .start_s = a, .sum = b, .hash = (uint64_t)a * UINT64_C(0x9e3779b97f4a7c15)};
        struct snapshot_name snapshot_back;
        snapshot_name_write(text, &snapshot);
        assert_true(snapshot_name_parse(&snapshot_back, a, leaf(text)));
        assert_int_equal(snapshot_back.start_s, a);
        assert_int_equal(snapshot_back.sum, b);
        assert_int_equal(snapshot_back.hash, snapshot.hash);
    }
}

// What lies in stores for years.
static void names_are_these(void **state) {
    char text[NAME_MAX_LENGTH];
    part_name_write(text, &(struct part_name){1767225600, 3, 17, 250000});
    assert_string_equal(text, "parts/1767225600/p0003-0000000000000000017-0000000000000250000.zst");
    through_name_write(text, &(struct through_name){3, 250000, 1767226500});
    assert_string_equal(text, "through/p0003-0000000000000250000-0000000001767226500.zst");
    checkpoint_name_write(text, &(struct checkpoint_name){3, 250000, 200000});
    assert_string_equal(text, "checkpoints/p0003-0000000000000250000-0000000000000200000.zst");
    snapshot_name_write(text, &(struct snapshot_name){1767225600, 750000, 0xabc});
    assert_string_equal(text, "snapshots/1767225600/0000000000000750000-0000000000000abc.zst");
}

static void names_sort_as_their_numbers(void **state) {
    static const int64_t offsets[] = {0, 1, 9, 10, 99, 100, 999999999, 1000000000, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 1; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        char one[NAME_MAX_LENGTH], other[NAME_MAX_LENGTH];
        part_name_write(one, &(struct part_name){0, 9, 5, offsets[i - 1]});
        part_name_write(other, &(struct part_name){0, 9, 5, offsets[i]});
        assert_true(strcmp(one, other) < 0);
        part_name_write(one, &(struct part_name){0, 9, 5, INT64_MAX});
        part_name_write(other, &(struct part_name){0, 10, 5, 0});
        assert_true(strcmp(one, other) < 0);
        through_name_write(one, &(struct through_name){9, offsets[i - 1], INT64_MAX});
        through_name_write(other, &(struct through_name){9, offsets[i], 0});
        assert_true(strcmp(one, other) < 0);
        snapshot_name_write(one, &(struct snapshot_name){0, offsets[i - 1], UINT64_MAX});
        snapshot_name_write(other, &(struct snapshot_name){0, offsets[i], 0});
        assert_true(strcmp(one, other) < 0);
        checkpoint_name_write(one, &(struct checkpoint_name){9, offsets[i - 1], INT64_MAX});
        checkpoint_name_write(other, &(struct checkpoint_name){9, offsets[i], 0});
        assert_true(strcmp(one, other) < 0);
    }
}

// One number is written in one way; what is not of ours, or lies in the wrong folder, is none.
static void other_names_are_refused(void **state) {
    static const char *const parts[] = {
        "",
        "p0003",
        "p0003-0000000000000000017.zst",
        "p003-0000000000000000017-0000000000000250000.zst",
        "p00003-0000000000000000017-0000000000000250000.zst",
        "p4294967296-0000000000000000017-0000000000000250000.zst",
        "p99999999999-0000000000000000017-0000000000000250000.zst",
        "P0003-0000000000000000017-0000000000000250000.zst",
        "p0003-17-250000.zst",
        "p0003-0000000000000000017-000000000000250000.zst",
        "p0003-0000000000000000017-00000000000000250000.zst",
        "p0003-0000000000000000017-9223372036854775808.zst",
        "p0003-0000000000000000017-9999999999999999999.zst",
        "p0003--000000000000000017-0000000000000250000.zst",
        "p0003-+000000000000000017-0000000000000250000.zst",
        "p0003- 000000000000000017-0000000000000250000.zst",
        "p0003-000000000000000001a-0000000000000250000.zst",
        "p0003-0000000000000000017-0000000000000250000",
        "p0003-0000000000000000017-0000000000000250000.zs",
        "p0003-0000000000000000017-0000000000000250000.zst.zst",
        "p0003-0000000000000000017-0000000000000250000.zst/",
        " p0003-0000000000000000017-0000000000000250000.zst",
        "p0003-0000000000000000017_0000000000000250000.zst",
    };
    struct part_name part;
    struct checkpoint_name checkpoint;
    struct through_name through;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (part_name_parse(&part, 0, parts[i]) || checkpoint_name_parse(&checkpoint, parts[i]) ||
            through_name_parse(&through, parts[i]))
            fail_msg("\"%s\" was taken", parts[i]);
    }
    static const char *const snapshots[] = {
        "0000000000000750000.zst",
        "0000000000000750000-abc.zst",
        "0000000000000750000-0000000000000ABC.zst",
        "0000000000000750000-00000000000000abc.zst",
        "0000000000000750000-0000000000000abg.zst",
        "000000000000075000f-0000000000000abc.zst",
        "p0003-0000000000000000017.zst",
    };
    struct snapshot_name snapshot;
    for (size_t i = 0; i < sizeof(snapshots) / sizeof(snapshots[0]); i++) {
        if (snapshot_name_parse(&snapshot, 0, snapshots[i]))
            fail_msg("\"%s\" was taken", snapshots[i]);
    }
}

static void folders_of_windows_are_plain_seconds(void **state) {
    static const char *const others[] = {"",
                                         "/",
                                         "1767225600",
                                         "01767225600/",
                                         "-900/",
                                         "1767225600//",
                                         "a/",
                                         "1.5/",
                                         "00/",
                                         "+1/",
                                         "1 /",
                                         "9223372036854775808/",
                                         "1767225601/",
                                         "9007199254800/",
                                         "9000000000000000000/"}; // between windows; past every event
    int64_t start_s;
    assert_true(window_folder_parse(&start_s, "9007199253900/"));
    assert_true(window_folder_parse(&start_s, "1767225600/"));
    assert_int_equal(start_s, 1767225600);
    assert_true(window_folder_parse(&start_s, "0/"));
    assert_int_equal(start_s, 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (window_folder_parse(&start_s, others[i]))
            fail_msg("\"%s\" was taken", others[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_read_as_it_was_written), cmocka_unit_test(names_are_these),
        cmocka_unit_test(names_sort_as_their_numbers),          cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(folders_of_windows_are_plain_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
