// A store under the hands of a test in another language: a command a line, an answer a line.
//
//     store_driver URL ENDPOINT REGION ACCESS_KEY SECRET_KEY CA_FILE TIMEOUT_MS RETRIES
//     put NAME LETTER LENGTH | create NAME LETTER LENGTH | get NAME | list FOLDER | remove NAME
//     -> STATUS RESULT<tab>CODE WHAT
//
// A file is LENGTH times the letter. RESULT of get is "LETTER LENGTH", of create "created" or "there", of
// list the names;
// "?" where a file holds anything else. The first answer is that of store_open.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/store/store.h"

enum { NAME_SIZE = 300 };

static struct store *store;

static char *bytes_of(char letter, size_t length) {
    char *bytes = malloc(length + 1);
    memset(bytes, letter, length);
    return bytes;
}

static enum status put(const char *name, char letter, size_t length, struct problem *p) {
    char *bytes = bytes_of(letter, length);
    enum status status = store_put(store, name, bytes, length, p);
    free(bytes);
    return status;
}

static void create(const char *name, char letter, size_t length, struct problem *p) {
    char *bytes = bytes_of(letter, length);
    bool created;
    enum status status = store_create(store, name, bytes, length, &created, p);
    printf("%d %s", status, created ? "created" : "there");
    free(bytes);
}

static void get(const char *name, struct problem *p) {
    char *bytes;
    size_t length;
    enum status status = store_get(store, name, &bytes, &length, p);
    printf("%d ", status);
    if (status == STATUS_OK) {
        bool alike = length < 2 || memcmp(bytes, bytes + 1, length - 1) == 0;
        printf("%c %zu", alike && length > 0 ? bytes[0] : '?', length);
    }
    free(bytes);
}

static void list(const char *folder, struct problem *p) {
    struct store_names names;
    enum status status = store_list(store, folder, &names, p);
    printf("%d", status);
    for (size_t i = 0; i < names.count; i++)
        printf(" %s", names.at[i]);
    store_names_fini(&names);
}

static void obey(const char *line) {
    char word[16] = "", name[NAME_SIZE] = "", letter = '?';
    size_t length = 0;
    struct problem p = {0};
    sscanf(line, "%15s %299s %c %zu", word, name, &letter, &length);
    if (strcmp(word, "put") == 0)
        printf("%d ", put(name, letter, length, &p));
    else if (strcmp(word, "create") == 0)
        create(name, letter, length, &p);
    else if (strcmp(word, "get") == 0)
        get(name, &p);
    else if (strcmp(word, "list") == 0)
        list(name, &p);
    else if (strcmp(word, "remove") == 0)
        printf("%d ", store_remove(store, name, &p));
    printf("\t%s %s\n", p.code, p.what);
}

int main(int argc, char **argv) {
    if (argc != 9)
        return STATUS_USAGE;
    const struct store_place place = {
        .url = argv[1],
        .s3 = {.endpoint = argv[2],
               .region = argv[3],
               .access_key = argv[4],
               .secret_key = argv[5],
               .ca_file = argv[6],
               .timeout_ms = atoll(argv[7]),
               .retries = atoll(argv[8])},
    };
    struct problem p = {0};
    char line[1024];
    setvbuf(stdout, NULL, _IOLBF, 0);
    enum status status = store_open(&store, &place, &p);
    printf("%d \t%s %s\n", status, p.code, p.what);
    while (status == STATUS_OK && fgets(line, sizeof(line), stdin) != NULL)
        obey(line);
    store_close(&store);
    return 0;
}
