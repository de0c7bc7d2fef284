// The header of a file: written, and read from bytes that are not trusted.
#include <string.h>

#include "schemas/snapshot/snapshot_parts.h"

enum header_field {
    HEADER_FORMAT_VERSION = 1,
    HEADER_KIND = 2,
    HEADER_START = 3,
    HEADER_END = 4,
    HEADER_TOPIC = 5,
    HEADER_TOPIC_ID = 6,
    HEADER_PARTITIONS = 7,
    HEADER_RULES_HASH = 8,
    HEADER_KPIS_HASH = 9,
    HEADER_COVERAGE = 10,
    HEADER_PROGRESS = 11,
    HEADER_TABLE_ROWS = 12,
    HEADER_EARLIER = 13,
};

static struct slice text_slice(const char *text) {
    return text != NULL ? slice_of(text) : (struct slice){"", 0};
}

static void write_coverage(struct wire_out *w, const struct coverage *c, struct wire_out *scratch) {
    scratch->length = 0;
    wire_uint(scratch, 1, c->partition);
    wire_int(scratch, 2, c->start);
    wire_int(scratch, 3, c->to);
    wire_uint(scratch, 4, c->counted);
    wire_uint(scratch, 5, c->late);
    wire_uint(scratch, 6, c->missing);
    wire_int(scratch, 7, c->orders_to);
    wire_element(w, HEADER_COVERAGE, wire_slice(scratch));
}

enum { PROGRESS_LINES = 11, PROGRESS_APART = 17 };

static void write_line(struct wire_out *w, uint32_t number, const struct line *l, struct wire_out *scratch) {
    scratch->length = 0;
    wire_int(scratch, 1, l->start_s);
    wire_uint(scratch, 2, l->counted);
    wire_uint(scratch, 3, l->late);
    wire_int(scratch, 4, l->to);
    wire_uint(scratch, 5, l->open);
    wire_int(scratch, 6, l->orders_to);
    wire_int(scratch, 7, l->part_to);
    wire_element(w, number, wire_slice(scratch));
}

static void write_earlier(struct wire_out *w, const struct earlier_orders *e, struct wire_out *scratch) {
    scratch->length = 0;
    wire_int(scratch, 1, e->start_s);
    wire_uint(scratch, 2, e->partition);
    wire_int(scratch, 3, e->to);
    wire_uint(scratch, 4, e->gone);
    wire_element(w, HEADER_EARLIER, wire_slice(scratch));
}

static void write_progress(struct wire_out *w, const struct progress *p, struct wire_out *scratch) {
    wire_uint(w, 1, p->partition);
    wire_int(w, 2, p->start);
    wire_int(w, 3, p->offset);
    wire_int(w, 4, p->watermark_ms == INT64_MIN ? 0 : p->watermark_ms);
    wire_int(w, 5, p->sealed_s);
    wire_uint(w, 6, p->read);
    wire_uint(w, 7, p->rejected);
    wire_uint(w, 8, p->duplicate);
    wire_uint(w, 9, p->settled_counted);
    wire_uint(w, 10, p->settled_late);
    for (size_t i = 0; i < p->line_count; i++)
        write_line(w, PROGRESS_LINES, &p->lines[i], scratch);
    wire_int(w, 12, p->after);
    wire_uint(w, 13, p->segment);
    wire_int(w, 14, p->settled_before_s);
    wire_int(w, 15, p->last_end);
    wire_uint(w, 16, p->last_fingerprint);
    for (size_t i = 0; i < p->apart_count; i++)
        write_line(w, PROGRESS_APART, &p->apart[i], scratch);
    wire_uint(w, 20, p->viewer_events);
}

static void write_table_rows(struct wire_out *w, const uint64_t table_rows[TABLES]) {
    size_t length = 0;
    uint64_t sum = 0;
    int count = TABLES;
    while (count > TABLES_FIRST && table_rows[count - 1] == 0)
        count--;
    for (int i = 0; i < count; i++) {
        length += wire_varint_size(table_rows[i]);
        sum += table_rows[i];
    }
    if (sum == 0)
        return;
    wire_tag(w, HEADER_TABLE_ROWS, WIRE_BYTES);
    wire_varint(w, length);
    for (int i = 0; i < count; i++)
        wire_varint(w, table_rows[i]);
}

void header_write(struct wire_out *w, const struct header *h, const uint64_t table_rows[TABLES]) {
    struct wire_out scratch = {0}, progress = {0};
    wire_uint(w, HEADER_FORMAT_VERSION, SNAPSHOT_FORMAT_VERSION);
    wire_uint(w, HEADER_KIND, h->kind);
    wire_int(w, HEADER_START, h->start_s);
    wire_int(w, HEADER_END, h->end_s);
    wire_bytes(w, HEADER_TOPIC, text_slice(h->topic));
    wire_bytes(w, HEADER_TOPIC_ID, text_slice(h->topic_id));
    wire_uint(w, HEADER_PARTITIONS, h->partitions);
    wire_bytes(w, HEADER_RULES_HASH, text_slice(h->rules_hash));
    wire_bytes(w, HEADER_KPIS_HASH, text_slice(h->kpis_hash));
    for (size_t i = 0; i < h->coverage_count; i++)
        write_coverage(w, &h->coverage[i], &scratch);
    if (h->progress != NULL) {
        write_progress(&progress, h->progress, &scratch);
        wire_element(w, HEADER_PROGRESS, wire_slice(&progress));
    }
    write_table_rows(w, table_rows);
    for (size_t i = 0; i < h->earlier_count; i++)
        write_earlier(w, &h->earlier[i], &scratch);
    free(scratch.at);
    free(progress.at);
}

// Reads the scalars of a message: field i + 1 into numbers[i]. False where it is damaged. Fields beyond are
// passed over.
static bool read_numbers(struct slice bytes, uint64_t *numbers, unsigned count) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    memset(numbers, 0, count * sizeof(*numbers));
    while (wire_next(&in, &field)) {
        if (field.number <= count && field.type == WIRE_VARINT)
            numbers[field.number - 1] = field.value;
    }
    return wire_is_at_end(&in);
}

// What is within these bounds can be added to, and to each other's windows, without leaving 64 bits.
static bool is_time(int64_t time_s) {
    int64_t most = EVENT_TIME_END_MS / 1000 + ROWS_WINDOW_S;
    return time_s >= -most && time_s <= most;
}

static bool is_watermark(int64_t time_ms) {
    return time_ms == INT64_MIN || (time_ms >= -EVENT_TIME_END_MS && time_ms <= EVENT_TIME_END_MS);
}

static bool is_offset(int64_t offset) {
    return offset >= 0;
}

static size_t count_of(struct slice bytes, unsigned number) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    size_t count = 0;
    while (wire_next(&in, &field))
        count += field.number == number;
    return count;
}

static bool read_line(struct slice bytes, struct line *line) {
    uint64_t n[7];
    if (!read_numbers(bytes, n, 7))
        return false;
    *line = (struct line){(int64_t)n[0], n[1], n[2], (int64_t)n[3], n[4] != 0, (int64_t)n[5], (int64_t)n[6]};
    return is_time(line->start_s) && is_offset(line->to) && is_offset(line->orders_to) &&
           is_offset(line->part_to);
}

static bool read_coverage(struct slice bytes, struct coverage *c) {
    uint64_t n[7];
    if (!read_numbers(bytes, n, 7) || n[0] >= HEADER_PARTITIONS_MAX)
        return false;
    *c =
        (struct coverage){(uint32_t)n[0], (int64_t)n[1], (int64_t)n[2], n[3], n[4], n[5] != 0, (int64_t)n[6]};
    return is_offset(c->start) && is_offset(c->to) && is_offset(c->orders_to);
}

static const char *read_lines(struct slice bytes, uint32_t number, struct arena *arena, struct line **lines,
                              size_t *line_count) {
    size_t count = count_of(bytes, number);
    if (count > HEADER_LINES_MAX)
        return "more lines of windows than can be";
    *lines = arena_take(arena, (count + 1) * sizeof(**lines));
    *line_count = 0;
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    while (wire_next(&in, &field)) {
        if (field.number != number)
            continue;
        struct line *line = *lines + *line_count;
        if (field.type != WIRE_BYTES || !read_line(field.bytes, line))
            return "a line of a window is damaged";
        if ((*line_count)++ > 0 && line[-1].start_s >= line->start_s)
            return "the lines of windows are not sorted";
    }
    return NULL;
}

static bool are_within(const struct progress *p) {
    return is_time(p->sealed_s) && is_time(p->settled_before_s) && is_watermark(p->watermark_ms) &&
           is_offset(p->start) && is_offset(p->offset) && is_offset(p->after) && is_offset(p->last_end);
}

static const char *read_progress(struct slice bytes, struct arena *arena, const struct progress **out) {
    uint64_t n[20];
    if (!read_numbers(bytes, n, 20) || n[0] >= HEADER_PARTITIONS_MAX)
        return "the progress is damaged";
    struct progress *p = arena_take(arena, sizeof(*p));
    *p = (struct progress){.partition = (uint32_t)n[0],
                           .start = (int64_t)n[1],
                           .offset = (int64_t)n[2],
                           .watermark_ms = n[3] != 0 ? (int64_t)n[3] : INT64_MIN,
                           .sealed_s = (int64_t)n[4],
                           .read = n[5],
                           .rejected = n[6],
                           .duplicate = n[7],
                           .settled_counted = n[8],
                           .settled_late = n[9],
                           .after = (int64_t)n[11],
                           .segment = n[12] != 0,
                           .settled_before_s = (int64_t)n[13],
                           .last_end = (int64_t)n[14],
                           .last_fingerprint = n[15],
                           .viewer_events = n[19]};
    *out = p;
    if (!are_within(p))
        return "the progress is of no time or place that can be";
    const char *wrong = read_lines(bytes, PROGRESS_LINES, arena, &p->lines, &p->line_count);
    return wrong != NULL ? wrong : read_lines(bytes, PROGRESS_APART, arena, &p->apart, &p->apart_count);
}

static const char *read_table_rows(struct slice bytes, uint64_t table_rows[TABLES]) {
    struct wire_in in = wire_in(bytes);
    for (int i = 0; i < TABLES && (i < TABLES_FIRST || !wire_is_at_end(&in)); i++) {
        bool is_last = wire_read(&in, &table_rows[i]) && wire_is_at_end(&in);
        if ((!is_last && wire_is_at_end(&in)) || (is_last && i >= TABLES_FIRST && table_rows[i] == 0))
            return "its counts of rows are damaged";
    }
    return wire_is_at_end(&in) ? NULL : "it counts rows of tables that this program does not know";
}

static const char *read_text(struct slice bytes, struct arena *arena, const char **text) {
    if (bytes.length > 0 && memchr(bytes.at, '\0', bytes.length) != NULL)
        return "a text holds a zero byte";
    char *copy = arena_take_bytes(arena, bytes.length + 1);
    memcpy(copy, bytes.at, bytes.length);
    copy[bytes.length] = '\0';
    *text = copy;
    return NULL;
}

// What a header is made of beside its numbers.
struct header_read {
    struct arena *arena;
    struct header *header;
    struct coverage *coverage;
    struct earlier_orders *earlier;
    uint64_t *table_rows;
};

static const char *read_coverages(struct header_read *r, struct slice bytes) {
    struct coverage *c = &r->coverage[r->header->coverage_count];
    if (!read_coverage(bytes, c))
        return "a partition's coverage is damaged";
    if (r->header->coverage_count++ > 0 && c[-1].partition >= c->partition)
        return "the partitions are not sorted";
    return NULL;
}

static bool is_after(const struct earlier_orders *a, const struct earlier_orders *b) {
    return a->start_s != b->start_s ? a->start_s > b->start_s : a->partition > b->partition;
}

static const char *read_earlier(struct header_read *r, struct slice bytes) {
    struct earlier_orders *e = &r->earlier[r->header->earlier_count];
    uint64_t n[4];
    if (!read_numbers(bytes, n, 4) || n[1] >= HEADER_PARTITIONS_MAX)
        return "earlier orders are damaged";
    *e = (struct earlier_orders){(int64_t)n[0], (uint32_t)n[1], (int64_t)n[2], n[3] != 0};
    if (!is_time(e->start_s) || !is_offset(e->to))
        return "earlier orders are damaged";
    if (r->header->earlier_count++ > 0 && !is_after(e, &e[-1]))
        return "the earlier orders are not sorted";
    return NULL;
}

static const char *read_part(struct header_read *r, const struct wire_field *field) {
    struct header *h = r->header;
    switch (field->number) {
    case HEADER_TOPIC:
        return read_text(field->bytes, r->arena, &h->topic);
    case HEADER_TOPIC_ID:
        return read_text(field->bytes, r->arena, &h->topic_id);
    case HEADER_RULES_HASH:
        return read_text(field->bytes, r->arena, &h->rules_hash);
    case HEADER_KPIS_HASH:
        return read_text(field->bytes, r->arena, &h->kpis_hash);
    case HEADER_COVERAGE:
        return read_coverages(r, field->bytes);
    case HEADER_EARLIER:
        return read_earlier(r, field->bytes);
    case HEADER_PROGRESS:
        return h->progress != NULL ? "its progress comes twice"
                                   : read_progress(field->bytes, r->arena, &h->progress);
    case HEADER_TABLE_ROWS:
        return read_table_rows(field->bytes, r->table_rows);
    default:
        return NULL;
    }
}

static const char *read_scalars(struct slice bytes, struct header *h) {
    uint64_t n[7];
    if (!read_numbers(bytes, n, 7))
        return "it is damaged";
    if (n[0] != SNAPSHOT_FORMAT_VERSION)
        return "it is of a format version that this program does not read";
    if (n[1] < FILE_PART || n[1] > FILE_ORDERS)
        return "it is of a kind that this program does not read";
    if (n[6] > HEADER_PARTITIONS_MAX)
        return "more partitions than can be";
    *h = (struct header){.kind = (enum file_kind)n[1],
                         .start_s = (int64_t)n[2],
                         .end_s = (int64_t)n[3],
                         .partitions = (uint32_t)n[6],
                         .topic = "",
                         .topic_id = "",
                         .rules_hash = "",
                         .kpis_hash = ""};
    if (!is_time(h->start_s) || !is_time(h->end_s))
        return "it is of no time that an event can have";
    return h->end_s < h->start_s ? "it ends before it starts" : NULL;
}

const char *header_read(struct slice bytes, struct arena *arena, struct header *header,
                        uint64_t table_rows[TABLES]) {
    const char *wrong = read_scalars(bytes, header);
    if (wrong != NULL)
        return wrong;
    size_t count = count_of(bytes, HEADER_COVERAGE);
    size_t earlier = count_of(bytes, HEADER_EARLIER);
    if (count > HEADER_PARTITIONS_MAX || earlier > SNAPSHOT_EARLIER_MAX)
        return "more partitions than can be";
    struct header_read r = {arena, header, arena_take(arena, (count + 1) * sizeof(struct coverage)),
                            arena_take(arena, (earlier + 1) * sizeof(struct earlier_orders)), table_rows};
    header->coverage = r.coverage;
    header->earlier = r.earlier;
    memset(table_rows, 0, TABLES * sizeof(*table_rows));
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    while (wrong == NULL && wire_next(&in, &field)) {
        if (field.type == WIRE_BYTES)
            wrong = read_part(&r, &field);
    }
    return wrong;
}

const struct line *progress_line(const struct progress *progress, int64_t start_s) {
    if (progress == NULL)
        return NULL;
    size_t low = 0, high = progress->line_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (progress->lines[middle].start_s < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low < progress->line_count && progress->lines[low].start_s == start_s ? &progress->lines[low]
                                                                                 : NULL;
}
