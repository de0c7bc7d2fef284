// What the operating system knows of this process, for the process_* metrics. Part of metrics.
#pragma once

struct metrics_process {
    double cpu_seconds;
    double resident_bytes;
    double open_fds;
    double max_fds;
    double start_time_seconds; // since 1970-01-01 UTC
};

// What /proc does not tell stays 0.
void metrics_process_read(struct metrics_process *process);
