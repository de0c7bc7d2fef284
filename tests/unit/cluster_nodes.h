// Nodes of a cluster that say what a test writes down: real sockets on the test's own loop. What each has
// heard is kept, word by word.
#pragma once

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/loop.h"
#include "runtime/memory.h"

enum { CLUSTER_NODES = 3, HEARD_MAX = 4096, SAID_MAX = 4096 };

struct cluster_node {
    uv_tcp_t listener;
    int port;
    bool mute;              // hears and does not answer
    char heard[HEARD_MAX];  // commands but for the greeting, each behind a ';'
    const char *answers[8]; // RESP, to commands but CLUSTER SLOTS and ASKING, one after the other, then +DONE
    const char *always;     // RESP, instead of those
    const char *asking;     // RESP, to ASKING; NULL: +OK
    size_t answered;
    char slots[SAID_MAX]; // RESP, to CLUSTER SLOTS
    int asked_for_slots;
};

struct cluster_peer { // a connection to a node
    uv_tcp_t socket;
    struct cluster_node *node;
    redisReader *reader;
    struct cluster_peer *next;
};

static struct cluster_node nodes[CLUSTER_NODES];
static struct cluster_peer *peers;

static void peer_closed(uv_handle_t *handle) {
    struct cluster_peer *peer = handle->data;
    redisReaderFree(peer->reader);
    free(peer);
}

static void peer_close(struct cluster_peer *peer) {
    for (struct cluster_peer **at = &peers; *at != NULL; at = &(*at)->next) {
        if (*at == peer) {
            *at = peer->next;
            break;
        }
    }
    uv_close((uv_handle_t *)&peer->socket, peer_closed);
}

static void peer_wrote(uv_write_t *write, int status) {
    free(write->data);
    free(write);
}

static void peer_say(struct cluster_peer *peer, const char *text) {
    uv_write_t *write = memory_take(sizeof(*write));
    write->data = memory_text(text);
    uv_buf_t buffer = uv_buf_init(write->data, (unsigned)strlen(text));
    uv_write(write, (uv_stream_t *)&peer->socket, &buffer, 1, peer_wrote);
}

static void node_hears(struct cluster_peer *peer, const redisReply *command) {
    struct cluster_node *node = peer->node;
    const char *first = command->element[0]->str;
    if (strcmp(first, "CLIENT") == 0) {
        peer_say(peer, "+OK\r\n");
        return;
    }
    if (strcmp(first, "CLUSTER") == 0) {
        node->asked_for_slots++;
        peer_say(peer, node->slots);
        return;
    }
    size_t length = strlen(node->heard);
    for (size_t i = 0; i < command->elements; i++)
        length += (size_t)snprintf(node->heard + length, HEARD_MAX - length, "%s%s", i > 0 ? " " : "",
                                   command->element[i]->str);
    snprintf(node->heard + length, HEARD_MAX - length, ";");
    if (node->mute)
        return;
    if (strcmp(first, "ASKING") == 0) {
        peer_say(peer, node->asking != NULL ? node->asking : "+OK\r\n");
        return;
    }
    const char *answer = node->always != NULL ? node->always : node->answers[node->answered];
    node->answered += answer != NULL;
    peer_say(peer, answer != NULL ? answer : "+DONE\r\n");
}

static void peer_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buffer) {
    *buffer = uv_buf_init(memory_take(65536), 65536);
}

static void peer_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    struct cluster_peer *peer = stream->data;
    if (count > 0)
        redisReaderFeed(peer->reader, buffer->base, (size_t)count);
    free(buffer->base);
    if (count < 0) {
        peer_close(peer);
        return;
    }
    void *command;
    while (redisReaderGetReply(peer->reader, &command) == REDIS_OK && command != NULL) {
        node_hears(peer, command);
        freeReplyObject(command);
    }
}

static void node_accept(uv_stream_t *listener, int status) {
    struct cluster_peer *peer = memory_take(sizeof(*peer));
    peer->node = listener->data;
    peer->reader = redisReaderCreate();
    uv_tcp_init(listener->loop, &peer->socket);
    peer->socket.data = peer;
    uv_accept(listener, (uv_stream_t *)&peer->socket);
    peer->next = peers;
    peers = peer;
    uv_read_start((uv_stream_t *)&peer->socket, peer_alloc, peer_read);
}

// On a free port, or on the one it had.
static void node_listen(struct cluster_node *node, struct loop *l) {
    struct sockaddr_in address;
    int length = sizeof(address);
    uv_tcp_init(&l->uv, &node->listener);
    node->listener.data = node;
    uv_ip4_addr("127.0.0.1", node->port, &address);
    if (uv_tcp_bind(&node->listener, (struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&node->listener, 16, node_accept) != 0)
        abort();
    uv_tcp_getsockname(&node->listener, (struct sockaddr *)&address, &length);
    node->port = ntohs(address.sin_port);
}

static void nodes_start(struct loop *l) {
    memset(nodes, 0, sizeof(nodes));
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        node_listen(&nodes[i], l);
}

static void node_hang_up(struct cluster_node *node) {
    for (struct cluster_peer *peer = peers, *next; peer != NULL; peer = next) {
        next = peer->next;
        if (peer->node == node)
            peer_close(peer);
    }
}

static void node_die(struct cluster_node *node) {
    node_hang_up(node);
    if (!uv_is_closing((uv_handle_t *)&node->listener))
        uv_close((uv_handle_t *)&node->listener, NULL);
}

static void nodes_stop(void) {
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        node_die(&nodes[i]);
}

// What all nodes say of the slots: the first belong to nodes[0] up to `first` (not included), the others to
// nodes[1], or to `rest`.
static void slots_are(int first, const struct cluster_node *rest) {
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        snprintf(nodes[i].slots, SAID_MAX,
                 "*2\r\n*3\r\n:0\r\n:%d\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n"
                 "*3\r\n:%d\r\n:16383\r\n*2\r\n$0\r\n\r\n:%d\r\n",
                 first - 1, nodes[0].port, first, rest->port);
}
