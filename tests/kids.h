/* kids.h - tests that need other processes: the test program runs itself again in a role.
 *
 * A kid and its test talk in lines over a socket, so a test waits for what happens and not for time
 * to pass. All fail the test that runs. */
#ifndef TESTS_KIDS_H
#define TESTS_KIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct kid {
    pid_t pid; /* 0 when it has been reaped */
    int fd;
};

enum { KID_FD = 3 }; /* the socket, in the kid */

/* Run this program as `PROGRAM role args...`; `args` ends with NULL. */
void kid_start(struct kid *k, const char *role, const char *const *args);

/* One line there, one line back. kid_hear waits 20 s at most and is false at the end of the file.
 */
void kid_tell(int fd, const char *line);
bool kid_hear(int fd, char *line, size_t size);
void kid_expect(const struct kid *k, const char *line);

/* Wait for its end and give its wait status; kid_kill with a SIGKILL first. */
int kid_wait(struct kid *k);
int kid_kill(struct kid *k);

/* An empty folder, to be removed with all in it. */
void folder_make(char *path, size_t size);
void folder_remove(const char *path);

/* FOLDER/NAME, good until the next call but three. */
const char *in_folder(const char *folder, const char *name);

/* Zeroed memory that every process which maps `path` shares. Made when it is not there. */
void *share(const char *path, size_t size);

/* `condition` becomes true within 20 s: asked again and again, for what sends no event. */
bool eventually(bool (*condition)(void *context), void *context);

#endif
