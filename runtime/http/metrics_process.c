#include "runtime/http/metrics_process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double cpu_seconds(void) {
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static double resident_bytes(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_fds(void) {
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count - 1; // the directory's own
}

static double max_fds(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : 0;
}

// Field 22 of /proc/self/stat, in clock ticks since boot. The command's name before it may hold blanks and
// brackets.
static double start_after_boot_seconds(void) {
    char line[1024];
    unsigned long long ticks = 0;
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return 0;
    const char *after_name = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
    fclose(file);
    if (after_name == NULL ||
        sscanf(after_name + 1,
               " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
               &ticks) != 1)
        return 0;
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double boot_time_seconds(void) {
    char line[1024];
    long long since = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL && sscanf(line, "btime %lld", &since) != 1)
        ;
    fclose(file);
    return (double)since;
}

void metrics_process_read(struct metrics_process *process) {
    process->cpu_seconds = cpu_seconds();
    process->resident_bytes = resident_bytes();
    process->open_fds = open_fds();
    process->max_fds = max_fds();
    double boot = boot_time_seconds();
    process->start_time_seconds = boot == 0 ? 0 : boot + start_after_boot_seconds();
}
