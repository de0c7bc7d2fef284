#include "loadtest/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_bool asked; // lock-free: a signal handler may set it

// Runs in a signal handler, on whatever thread.
static void on_signal(int number) {
    atomic_store(&asked, true);
}

void stop_arm(void) {
    // Once: a second signal ends the process where a lost Kafka holds up the end.
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool stop_asked(void) {
    return atomic_load(&asked);
}
