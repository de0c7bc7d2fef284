// Feeds a target the files named, and those of the folders named: the corpus, in a build without libFuzzer.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

// In a block of exactly its size, so that reading past it is seen.
static void feed(const char *path) {
    struct stat about;
    FILE *file = fopen(path, "re");
    CHECK(file != NULL && fstat(fileno(file), &about) == 0);
    size_t length = (size_t)about.st_size;
    uint8_t *bytes = malloc(length > 0 ? length : 1);
    CHECK(bytes != NULL && fread(bytes, 1, length, file) == length);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, length);
    free(bytes);
}

static size_t feed_all(const char *folder) {
    struct dirent **names;
    char path[1024];
    size_t fed = 0;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        CHECK((size_t)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name) < sizeof(path));
        if (names[i]->d_name[0] != '.') {
            feed(path);
            fed++;
        }
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return fed;
}

int main(int argc, char **argv) {
    size_t fed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat about;
        CHECK(stat(argv[i], &about) == 0);
        if (S_ISDIR(about.st_mode)) {
            fed += feed_all(argv[i]);
        } else {
            feed(argv[i]);
            fed++;
        }
    }
    printf("%zu inputs\n", fed);
    return fed == 0; // a corpus that is not there is an error
}
