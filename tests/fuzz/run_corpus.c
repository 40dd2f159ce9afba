/* run_corpus.c - a fuzzer's inputs without the fuzzer: every file of the directories given. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file lies in memory of its own size, so that reading behind its end is found. */
static bool run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size);
    bool ok = file != NULL && (data != NULL || size == 0) && fread(data, 1, size, file) == size;
    if (ok)
        LLVMFuzzerTestOneInput(data, size);
    else
        fprintf(stderr, "%s: cannot be read\n", path);
    if (file != NULL)
        fclose(file);
    free(data);
    return ok;
}

/* Adds to `*count`. Files and directories whose names start with a dot are left out. */
static bool run_directory(const char *name, long *count)
{
    bool ok = true;
    struct dirent **entries;
    int entry_count = scandir(name, &entries, NULL, alphasort);
    if (entry_count < 0) {
        perror(name);
        return false;
    }
    for (int i = 0; i < entry_count; i++) {
        char path[4096];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", name, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
            ok = run_file(path, (size_t)info.st_size) && ok;
            ++*count;
        }
        free(entries[i]);
    }
    free(entries);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = true;
    long count = 0;
    for (int i = 1; i < argc; i++)
        ok = run_directory(argv[i], &count) && ok;
    if (count == 0)
        fprintf(stderr, "no inputs\n");
    if (!ok || count == 0)
        return 1;
    printf("%ld inputs ok\n", count);
    return 0;
}
