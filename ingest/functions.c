#include "ingest/functions.h"

extern const char functions_writer_begin[], functions_writer_end[], functions_reader_begin[],
    functions_reader_end[];

static struct slice between(const char *begin, const char *end) {
    return (struct slice){begin, (size_t)(end - begin)};
}

struct slice functions_writer(void) {
    return between(functions_writer_begin, functions_writer_end);
}

struct slice functions_reader(void) {
    return between(functions_reader_begin, functions_reader_end);
}
