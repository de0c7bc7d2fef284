// The sketches of a block, one beside each key.
#include <string.h>

#include "schemas/snapshot/block_keys.h"

// The next field of a block that is a sketch; columns have no place beside them.
static const char *next_sketch(struct wire_in *in, struct slice *bytes) {
    struct wire_field field;
    while (wire_next(in, &field)) {
        if (field.number == BLOCK_COLUMNS || field.number == BLOCK_ORDERS)
            return "it has columns that are not of its table";
        if (field.number != BLOCK_SKETCHES)
            continue;
        *bytes = field.bytes;
        return NULL;
    }
    *bytes = (struct slice){NULL, 0};
    return NULL;
}

static bool sketched_parse(const struct row_key *key, enum sketched *of) {
    for (unsigned i = 0; i < SKETCHED_COUNT; i++) {
        const char *name = sketched_rows[i].name;
        *of = (enum sketched)i;
        if (sketched_rows[i].table == key->table && slice_equal(key->id, (struct slice){name, strlen(name)}))
            return true;
    }
    return false;
}

// In published files alone, and there with each reach.
static const char *read_reached(const struct block_reader *reader, struct block_keys *k, struct sketch *s) {
    if (sketched_rows[s->of].table != TABLE_REACH)
        return NULL;
    if (k->is_there[BLOCK_REACHED] != reader->is_published)
        return "it says how many were reached, or does not, as only the other kinds of files do";
    if (reader->is_published && (!wire_read(&k->lists[BLOCK_REACHED], &s->reached) || s->reached == 0))
        return "a sketch does not say how many were reached";
    return reader->is_published && reach_is_exact(&s->reach) ? "a sketch names its members" : NULL;
}

// The form of what holds nothing is a byte.
static bool sketch_read(struct sketch *s, struct slice bytes) {
    if (bytes.length < 2)
        return false;
    if (s->of == SKETCHED_ACTED)
        return classes_read(&s->classes, bytes);
    return sketched_rows[s->of].table == TABLE_REACH ? reach_read(&s->reach, bytes)
                                                     : quantiles_read(&s->quantiles, bytes);
}

static const char *read_sketch(const struct block_reader *reader, struct block_keys *k, struct wire_in *in,
                               struct rows *rows) {
    struct sketch s = {.platform = k->key.platform, .account = k->key.account};
    struct slice bytes;
    const char *wrong = next_sketch(in, &bytes);
    if (wrong != NULL)
        return wrong;
    if (!sketched_parse(&k->key, &s.of))
        return "it has sketches of what this program does not know";
    if (!sketch_read(&s, bytes))
        return "a sketch is damaged, empty or not there";
    if (s.of == SKETCHED_ACTED && reader->is_published)
        wrong = "it has classes of actors, which only parts and checkpoints have";
    else
        wrong = read_reached(reader, k, &s);
    if (wrong == NULL && rows != NULL)
        rows_keep_sketch(rows, &s);
    classes_fini(&s.classes);
    reach_fini(&s.reach);
    quantiles_fini(&s.quantiles);
    return wrong;
}

const char *block_read_sketches(struct block_reader *reader, const struct block *b, struct rows *rows) {
    struct block_keys keys;
    struct wire_in in = wire_in(b->bytes);
    struct slice more;
    const char *wrong = block_keys_begin(&keys, b);
    for (uint32_t i = 0; wrong == NULL && i < b->rows; i++) {
        wrong = block_keys_next(reader, &keys);
        if (wrong == NULL)
            wrong = read_sketch(reader, &keys, &in, rows);
    }
    if (wrong == NULL)
        wrong = next_sketch(&in, &more);
    if (wrong != NULL)
        return wrong;
    return more.at != NULL ? "it has more sketches than rows" : block_keys_end(&keys);
}
