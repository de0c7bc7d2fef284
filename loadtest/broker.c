#include "loadtest/broker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// rdkafka_mock.h asks for rdkafka.h before it.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "loadtest/deployment.h"

enum { PARTITIONS_MAX = 1024, NAME_MAX_BYTES = 256 };

struct flags {
    int64_t partitions;
    const char *topic;
    const char *listen_file;
};

static const struct option_row rows[] = {
    {"partitions", OPTION_INT, offsetof(struct flags, partitions), "8", 0, 1, PARTITIONS_MAX,
     "of the topic and of its dead-letter topic"},
    {"topic", OPTION_STRING, offsetof(struct flags, topic), "engagement", 0, 0, 0,
     "the topic; TOPIC.dlq is made beside it"},
    {"listen-file", OPTION_STRING, offsetof(struct flags, listen_file), "", 0, 0, 0,
     "a file that gets the address, whole or not at all"},
};

static const struct command command = {
    .usage = "broker [flags]",
    .doc = "Runs librdkafka's embedded broker on a free loopback port until SIGTERM or SIGINT. The first "
           "line of standard\n"
           "output is its address. It keeps 5 MiB a partition: for demos and quick tests only.",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
};

// A temporary file beside it, then a rename: who waits for the file never reads half an address.
static enum status write_address(const char *path, const char *address, struct problem *problem) {
    char temporary[4096];
    if (snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid()) >= (int)sizeof(temporary))
        return problem_set(problem, STATUS_CANT_CREATE, "", "choose a shorter path",
                           "the path of --listen-file is too long");
    FILE *file = fopen(temporary, "w");
    bool written = file != NULL && fprintf(file, "%s\n", address) > 0;
    if (file != NULL)
        written = fclose(file) == 0 && written;
    if (written && rename(temporary, path) == 0)
        return STATUS_OK;
    enum status status = problem_set(problem, STATUS_CANT_CREATE, "", "choose a writable path",
                                     "cannot write %s: %s", path, strerror(errno));
    unlink(temporary);
    return status;
}

static enum status create_topics(rd_kafka_mock_cluster_t *cluster, const struct flags *flags,
                                 struct problem *problem) {
    char dead_letters[NAME_MAX_BYTES];
    if (snprintf(dead_letters, sizeof(dead_letters), "%s.dlq", flags->topic) >= (int)sizeof(dead_letters))
        return problem_set(problem, STATUS_USAGE, "", "choose a shorter name",
                           "the topic's name is too long");
    const char *const names[] = {flags->topic, dead_letters};
    for (size_t i = 0; i < 2; i++) {
        rd_kafka_resp_err_t error = rd_kafka_mock_topic_create(cluster, names[i], (int)flags->partitions, 1);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            return problem_set(problem, STATUS_UNAVAILABLE, "", "choose other names",
                               "cannot create topic %s: %s", names[i], rd_kafka_err2str(error));
    }
    return STATUS_OK;
}

// `signals` are blocked in every thread: librdkafka's were started after that.
static enum status serve(rd_kafka_mock_cluster_t *cluster, const struct flags *flags, const sigset_t *signals,
                         struct problem *problem) {
    enum status status = create_topics(cluster, flags, problem);
    const char *address = rd_kafka_mock_cluster_bootstraps(cluster);
    if (status == STATUS_OK && flags->listen_file[0] != '\0')
        status = write_address(flags->listen_file, address, problem);
    if (status != STATUS_OK)
        return status;
    printf("%s\n", address);
    fflush(stdout);
    int number;
    sigwait(signals, &number);
    return STATUS_OK;
}

static enum status run(const struct deployment *deployment, const void *flags, struct problem *problem) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "3", reason,
                      sizeof(reason)); // that it has no brokers to ask is no news
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (rk == NULL)
        return problem_set(problem, STATUS_OS, "", "see the limits of this machine",
                           "librdkafka does not start: %s", reason);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(rk, 1);
    enum status status = STATUS_OK;
    if (cluster == NULL)
        status = problem_set(problem, STATUS_UNAVAILABLE, "CLM-P1", "see the limits of this machine",
                             "the embedded broker cannot listen on 127.0.0.1");
    else {
        status = serve(cluster, flags, &signals, problem);
        rd_kafka_mock_cluster_destroy(cluster);
    }
    rd_kafka_destroy(rk);
    return status;
}

int broker_main(int argc, char **argv) {
    struct flags flags = {0};
    return deployment_main(&command, argc, argv, &flags, 0, run);
}
