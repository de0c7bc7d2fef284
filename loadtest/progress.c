#include "loadtest/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/clock.h"

enum { REDRAW_MS = 200, LINE_MS = 5000 };

void progress_begin(struct progress *p) {
    *p = (struct progress){.terminal = isatty(STDERR_FILENO) == 1, .began_ms = clock_monotonic_ms()};
    p->last_ms = p->began_ms;
    p->next_ms = p->began_ms + (p->terminal ? REDRAW_MS : LINE_MS);
}

int64_t progress_elapsed_ms(const struct progress *p) {
    return clock_monotonic_ms() - p->began_ms;
}

static double per_second(uint64_t count, int64_t ms) {
    return ms > 0 ? (double)count * 1000 / (double)ms : 0;
}

void progress_show(struct progress *p, const struct sender *sender) {
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < p->next_ms)
        return;
    struct sender_figures f;
    sender_figures_read(sender, &f);
    fprintf(stderr,
            "%s%7.1f s  %12" PRIu64 " events  %9.0f/s  %12" PRIu64 " messages, %" PRIu64 " acknowledged%s",
            p->terminal ? "\r" : "", (double)(now_ms - p->began_ms) / 1000, f.events,
            per_second(f.events - p->last_events, now_ms - p->last_ms), f.messages, f.delivered,
            p->terminal ? "\033[K" : "\n");
    p->last_events = f.events;
    p->last_ms = now_ms;
    p->next_ms = now_ms + (p->terminal ? REDRAW_MS : LINE_MS);
}

static void print_list(const char *name, const uint64_t *counts, int32_t length) {
    printf(",\"%s\":[", name);
    for (int32_t i = 0; i < length; i++)
        printf("%s%" PRIu64, i > 0 ? "," : "", counts[i]);
    printf("]");
}

static void print_json(const struct sender_figures *f, double seconds, const char *end) {
    printf("{\"events\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"acknowledged\":%" PRIu64 ",\"bytes\":%" PRIu64,
           f->events, f->messages, f->delivered, f->bytes);
    printf(",\"duplicates\":%" PRIu64 ",\"late\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"future\":%" PRIu64,
           f->fates[FATE_DUPLICATE], f->fates[FATE_LATE], f->fates[FATE_MALFORMED], f->fates[FATE_FUTURE]);
    printf(",\"seconds\":%.3f,\"rate\":%.0f,\"misplaced\":%" PRIu64 ",\"end\":\"%s\"", seconds,
           seconds > 0 ? (double)f->events / seconds : 0, f->misplaced, end);
    print_list("partition_events", f->partition_events, f->partitions);
    print_list("partition_messages", f->partition_messages, f->partitions);
    printf("}\n");
}

static void print_table(const struct sender_figures *f, double seconds, const char *end) {
    printf("events      %12" PRIu64 "\nmessages    %12" PRIu64 "\nbytes       %12" PRIu64 "\n", f->events,
           f->messages, f->bytes);
    printf("duplicates  %12" PRIu64 "\nlate        %12" PRIu64 "\nmalformed   %12" PRIu64
           "\nfuture      %12" PRIu64 "\n",
           f->fates[FATE_DUPLICATE], f->fates[FATE_LATE], f->fates[FATE_MALFORMED], f->fates[FATE_FUTURE]);
    printf(
        "seconds     %12.1f\nevents/s    %12.0f\nended by    %12s\n\npartition        events      messages\n",
        seconds, seconds > 0 ? (double)f->events / seconds : 0, end);
    for (int32_t i = 0; i < f->partitions; i++)
        printf("%9" PRId32 "  %12" PRIu64 "  %12" PRIu64 "\n", i, f->partition_events[i],
               f->partition_messages[i]);
}

void progress_finish(struct progress *p, const struct sender *sender, const char *end) {
    struct sender_figures f;
    sender_figures_read(sender, &f);
    double seconds = (double)progress_elapsed_ms(p) / 1000;
    if (p->terminal)
        fprintf(stderr, "\r\033[K");
    if (isatty(STDOUT_FILENO) == 1)
        print_table(&f, seconds, end);
    else
        print_json(&f, seconds, end);
    fflush(stdout);
}
