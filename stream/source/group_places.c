#include "stream/source/group_places.h"

#include <librdkafka/rdkafka.h>

#include "runtime/memory.h"
#include "stream/source/source.h"

enum { ASK_MS = 10000, REASON_BYTES = 512 };

static enum status client_create(rd_kafka_t **rk, const struct settings *settings,
                                 const struct config_pair *passthrough, size_t count,
                                 struct problem *problem) {
    char reason[REASON_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum status status = source_properties(conf, "consumer", settings, passthrough, count, problem);
    if (status == STATUS_OK) {
        *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
        if (*rk != NULL)
            return STATUS_OK;
        status = problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct the kafka section",
                             "the Kafka client cannot start: %s", reason);
    }
    rd_kafka_conf_destroy(conf);
    return status;
}

// Asked for all partitions at once: what is asked stands in their `offset`, and what was found.
struct asking {
    rd_kafka_t *rk;
    const struct settings *settings;
    rd_kafka_topic_partition_list_t *list;
};

static void ask_for(struct asking *a, int32_t partitions, int64_t which) {
    if (a->list != NULL)
        rd_kafka_topic_partition_list_destroy(a->list);
    a->list = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(a->list, a->settings->kafka_topic, i)->offset = which;
}

static enum status judge(const struct asking *a, rd_kafka_resp_err_t err, const char *what,
                         struct problem *problem) {
    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < a->list->cnt; i++)
        err = a->list->elems[i].err;
    const int code = err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return STATUS_OK;
    if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return problem_set(problem, STATUS_NOT_ALLOWED, "CLM-A1",
                           "grant this user Describe on the topic and the group (kafka-acls.sh)",
                           "%s of group \"%s\" on \"%s\": %s", what, a->settings->kafka_group,
                           a->settings->kafka_topic, rd_kafka_err2str(err));
    return problem_set(problem, STATUS_UNAVAILABLE, "CLM-K1", "check the network and the brokers",
                       "%s of group \"%s\" on \"%s\": %s", what, a->settings->kafka_group,
                       a->settings->kafka_topic, rd_kafka_err2str(err));
}

static int64_t found(const struct asking *a, int32_t partition) {
    const rd_kafka_topic_partition_t *place =
        rd_kafka_topic_partition_list_find(a->list, a->settings->kafka_topic, partition);
    return place != NULL && place->offset >= 0 ? place->offset : -1;
}

static enum status ask_commits(struct asking *a, struct group_place *places, int32_t partitions,
                               struct problem *problem) {
    ask_for(a, partitions, RD_KAFKA_OFFSET_INVALID);
    enum status status = judge(a, rd_kafka_committed(a->rk, a->list, ASK_MS), "the commits", problem);
    for (int32_t i = 0; i < partitions && status == STATUS_OK; i++)
        places[i].committed = found(a, i);
    return status;
}

// Not rd_kafka_query_watermark_offsets, which asks one by one and does not keep to its timeout.
static enum status ask_bounds(struct asking *a, struct group_place *places, int32_t partitions, bool ends,
                              struct problem *problem) {
    ask_for(a, partitions, ends ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING);
    enum status status = judge(a, rd_kafka_offsets_for_times(a->rk, a->list, ASK_MS), "the bounds", problem);
    for (int32_t i = 0; i < partitions && status == STATUS_OK; i++)
        *(ends ? &places[i].end : &places[i].first) = found(a, i);
    return status;
}

enum status group_places_read(struct group_place **places, int32_t *partitions,
                              const struct settings *settings, const struct config_pair *passthrough,
                              size_t passthrough_count, struct problem *problem) {
    struct asking a = {.settings = settings};
    *places = NULL;
    enum status status = source_check_topic(settings, passthrough, passthrough_count, settings->kafka_topic,
                                            partitions, ASK_MS, problem);
    if (status == STATUS_OK)
        status = client_create(&a.rk, settings, passthrough, passthrough_count, problem);
    if (status != STATUS_OK)
        return status;
    *places = memory_take((size_t)*partitions * sizeof(**places));
    status = ask_commits(&a, *places, *partitions, problem);
    if (status == STATUS_OK)
        status = ask_bounds(&a, *places, *partitions, true, problem);
    if (status == STATUS_OK)
        status = ask_bounds(&a, *places, *partitions, false, problem);
    if (a.list != NULL)
        rd_kafka_topic_partition_list_destroy(a.list);
    rd_kafka_destroy(a.rk);
    return status;
}
