// Seeds: run over several processes, traced, and shrunk where one goes red.
//
//   clameur_sim [--first N] [--seeds N] [--jobs N] [--cases FILE]    the cases, then N seeds from the first
//   on clameur_sim --seed N [--until STEP] [--without a,b] [--trace]    one of them
//
// Exit code 0: all green, 1: not, 64: usage.
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/check.h"
#include "tests/sim/sim.h"

enum { JOBS_MAX = 64, TRACE_LINES = 60, UNTIL_STEPS = 2000, SHOWN_MAX = 5 };

// What a process of its own tells; shared memory.
struct told {
    struct world_setup at;     // what it runs, or died of
    char why[WORLD_WORDS_MAX]; // died of
    uint64_t happened[FAULT_COUNT];
    uint64_t green;
};

static struct told *told; // by job
static pid_t pids[JOBS_MAX];
static uint64_t next_seed[JOBS_MAX];

static void keys_load(void) {
    char path[64];
    snprintf(path, sizeof(path), "/tmp/clameur_sim.%d", (int)getpid());
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file, "000102030405060708090a0b0c0d0e0f\n%lld: 0f0e0d0c0b0a09080706050403020100\n",
            (long long)(LOG_TIME_MS + 90000));
    fclose(file);
    chmod(path, 0400);
    enum status status = pseudonymiser_load(&world_pseudonyms, path, NULL);
    if (status == STATUS_OK)
        status = recount_keys_load(&world_keys, path, NULL);
    unlink(path);
    CHECK(status == STATUS_OK);
}

// ---- one run, in a process of its own: whatever it comes to, a bug's abort too

static bool is_green(const struct world_setup *setup, FILE *out) {
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(out), STDERR_FILENO);
        alarm(120); // one that hangs is red
        world_run(setup);
        fflush(stdout);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status))
        fprintf(out, "seed %llu: killed by signal %d\n", (unsigned long long)setup->seed, WTERMSIG(status));
    fflush(out);
    return status == 0;
}

static bool is_green_quietly(const struct world_setup *setup) {
    FILE *out = tmpfile();
    CHECK(out != NULL);
    bool green = is_green(setup, out);
    fclose(out);
    return green;
}

// ---- a red one

static void print_tail(FILE *file, int lines) {
    static char line[4096];
    int count = 0;
    rewind(file);
    while (fgets(line, sizeof(line), file) != NULL)
        count++;
    rewind(file);
    for (int i = 0; fgets(line, sizeof(line), file) != NULL; i++) {
        if (i >= count - lines)
            fputs(line, stdout);
    }
}

// Switches off every fault that it can do without, and ends them as early as it can.
static void shrink(struct world_setup *setup) {
    for (int i = 0; i < FAULT_COUNT; i++) {
        struct world_setup less = *setup;
        less.disabled |= 1u << i;
        if (!is_green_quietly(&less))
            *setup = less;
    }
    int64_t red = setup->faults_until >= 0 ? setup->faults_until : UNTIL_STEPS;
    for (int64_t step = red / 2; step > 0; step /= 2) {
        struct world_setup less = *setup;
        less.faults_until = red - step;
        if (is_green_quietly(&less))
            continue;
        red = less.faults_until;
        *setup = less;
    }
}

static void print_setup(const struct world_setup *setup) {
    printf("replay: tests/sim/run --seed %llu --trace", (unsigned long long)setup->seed);
    if (setup->faults_until >= 0)
        printf(" --until %lld", (long long)setup->faults_until);
    for (int i = 0, count = 0; i < FAULT_COUNT; i++) {
        if (setup->disabled >> i & 1)
            printf("%s%s", count++ == 0 ? " --without " : ",", fault_name((enum fault)i));
    }
    putchar('\n');
}

static void explain(struct world_setup setup) {
    FILE *out = tmpfile();
    CHECK(out != NULL);
    is_green(&setup, out);
    print_tail(out, 1);
    rewind(out);
    CHECK(ftruncate(fileno(out), 0) == 0);
    shrink(&setup);
    setup.tracing = true;
    is_green(&setup, out);
    print_tail(out, TRACE_LINES);
    print_setup(&setup);
    fclose(out);
}

// ---- many

static void job_run(struct told *t, uint64_t seed, uint64_t end, uint64_t step) {
    FILE *null = freopen("/dev/null", "w", stdout);
    CHECK(null != NULL && freopen("/dev/null", "w", stderr) != NULL);
    for (; seed < end; seed += step) {
        t->at = (struct world_setup){.seed = seed, .faults_until = -1};
        snprintf(t->why, sizeof(t->why), "seed %llu: killed", (unsigned long long)seed);
        world_last_words = t->why;
        alarm(120);
        world_run(&t->at);
        t->green++;
        for (int i = 0; i < FAULT_COUNT; i++)
            t->happened[i] += world.happened[i];
    }
    _exit(0);
}

static void job_start(int job, uint64_t end, uint64_t step) {
    fflush(NULL);
    pids[job] = fork();
    CHECK(pids[job] >= 0);
    if (pids[job] == 0)
        job_run(&told[job], next_seed[job], end, step);
}

// Returns how many were red.
static uint64_t seeds_run(uint64_t first, uint64_t count, int jobs, bool stops) {
    uint64_t red = 0;
    int running = jobs;
    for (int i = 0; i < jobs; i++) {
        next_seed[i] = first + (uint64_t)i;
        job_start(i, first + count, (uint64_t)jobs);
    }
    while (running > 0) {
        int status, job = 0;
        pid_t pid = wait(&status);
        while (pids[job] != pid)
            job++;
        if (status == 0) {
            running--;
            continue;
        }
        if (stops) {
            puts(told[job].why);
            for (int i = 0; i < jobs; i++)
                kill(pids[i], SIGKILL);
            return 1;
        }
        if (red++ < SHOWN_MAX)
            explain(told[job].at);
        else
            printf("seed %llu is red, too\n", (unsigned long long)told[job].at.seed);
        next_seed[job] = told[job].at.seed + (uint64_t)jobs;
        job_start(job, first + count, (uint64_t)jobs);
    }
    return red;
}

static bool faults_parse(char *names, uint32_t *disabled) {
    for (char *name; (name = strsep(&names, ",")) != NULL;) {
        int i = 0;
        while (i < FAULT_COUNT && strcmp(name, fault_name((enum fault)i)) != 0)
            i++;
        if (i == FAULT_COUNT)
            return false;
        *disabled |= 1u << i;
    }
    return true;
}

// Lines `seed until faults-left-out`, - for none; `#` begins a comment. Returns how many were red.
static uint64_t cases_run(const char *path, uint64_t *count) {
    char line[1024], names[1024];
    uint64_t red = 0;
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        struct world_setup setup = {0};
        unsigned long long seed;
        long long until;
        if (line[0] == '#' || sscanf(line, "%llu %lld %1023s", &seed, &until, names) != 3)
            continue;
        setup.seed = seed;
        setup.faults_until = until;
        CHECK(strcmp(names, "-") == 0 || faults_parse(names, &setup.disabled));
        ++*count;
        if (is_green_quietly(&setup))
            continue;
        red++;
        explain(setup);
    }
    fclose(file);
    return red;
}

static void print_faults(int jobs) {
    printf("faults:");
    for (int i = 0; i < FAULT_COUNT; i++) {
        uint64_t sum = 0;
        for (int job = 0; job < jobs; job++)
            sum += told[job].happened[i];
        printf(" %s %llu", fault_name((enum fault)i), (unsigned long long)sum);
    }
    putchar('\n');
}

static int usage(void) {
    fputs("usage: clameur_sim [--first N] [--seeds N] [--jobs N] [--cases FILE] [--stop]\n"
          "       clameur_sim --seed N [--until STEP] [--without FAULT,...] [--trace]\n",
          stderr);
    return 64;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"first", required_argument, NULL, 'f'},   {"seeds", required_argument, NULL, 'n'},
        {"jobs", required_argument, NULL, 'j'},    {"cases", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 's'},    {"until", required_argument, NULL, 'u'},
        {"trace", no_argument, NULL, 't'},         {"stop", no_argument, NULL, 'x'},

        {"without", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    struct world_setup setup = {.faults_until = -1};
    uint64_t first = 1, seeds = 1000, cases = 0, red = 0;
    const char *path = NULL;
    bool single = false, stops = false;
    int jobs = 1;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'f')
            first = strtoull(optarg, NULL, 10);
        else if (option == 'n')
            seeds = strtoull(optarg, NULL, 10);
        else if (option == 'j')
            jobs = atoi(optarg);
        else if (option == 'c')
            path = optarg;
        else if (option == 's' && (single = true))
            setup.seed = strtoull(optarg, NULL, 10);
        else if (option == 'u')
            setup.faults_until = atoll(optarg);
        else if (option == 't')
            setup.tracing = true;
        else if (option == 'x')
            stops = true;
        else if (option != 'w' || !faults_parse(optarg, &setup.disabled))
            return usage();
    }
    if (optind < argc || jobs < 1 || jobs > JOBS_MAX)
        return usage();
    keys_load();
    if (single)
        return is_green(&setup, stdout) ? 0 : 1;
    told = mmap(NULL, JOBS_MAX * sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(told != MAP_FAILED);
    if (path != NULL && !stops)
        red = cases_run(path, &cases);
    red += seeds_run(first, seeds, jobs, stops);
    if (stops && red > 0)
        return 1;
    print_faults(jobs);
    printf("%llu seeds passed, %llu failed\n", (unsigned long long)(seeds + cases - red),
           (unsigned long long)red);
    return red == 0 ? 0 : 1;
}
