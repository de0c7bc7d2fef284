// Who listens on a port, as /proc tells it: the socket's inode from /proc/net/tcp*, then the process that has
// it open.

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/http/http_listen.h"

// 0: not in this table.
static unsigned long find_inode(const char *table, unsigned port) {
    enum { LISTENING = 0x0a };
    char line[512];
    FILE *file = fopen(table, "re");
    if (file == NULL)
        return 0;
    unsigned long found = 0;
    while (found == 0 && fgets(line, sizeof(line), file) != NULL) {
        unsigned local, state;
        unsigned long inode;
        // sl: address:port peer:port state tx:rx timer:when retransmits uid timeout inode
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu", &local,
                   &state, &inode) == 3 &&
            local == port && state == LISTENING)
            found = inode;
    }
    fclose(file);
    return found;
}

static bool has_open(const char *pid, const char *socket) {
    char path[300], target[64];
    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(directory)) != NULL;) {
        snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, entry->d_name);
        ssize_t length = readlink(path, target, sizeof(target) - 1);
        found = length > 0 && (target[length] = '\0', strcmp(target, socket) == 0);
    }
    closedir(directory);
    return found;
}

static void write_process(char *text, size_t size, const char *pid) {
    char path[64], name[32] = "?";
    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fgets(name, sizeof(name), file) != NULL)
            name[strcspn(name, "\n")] = '\0';
        fclose(file);
    }
    snprintf(text, size, " by pid %.20s (%s)", pid, name);
}

void http_holder_write(char *text, size_t size, unsigned port) {
    text[0] = '\0';
    unsigned long inode = find_inode("/proc/net/tcp", port);
    if (inode == 0)
        inode = find_inode("/proc/net/tcp6", port);
    DIR *directory = inode != 0 ? opendir("/proc") : NULL;
    if (directory == NULL)
        return;
    char socket[64];
    snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
    for (struct dirent *entry; text[0] == '\0' && (entry = readdir(directory)) != NULL;)
        if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name) && has_open(entry->d_name, socket))
            write_process(text, size, entry->d_name);
    closedir(directory);
}
