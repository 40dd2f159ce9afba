/* process.h - our other processes: started apart, found again, signalled without mistake.
 *
 * A process claims its pid file: it holds a POSIX lock on it for its life. The number in the file
 * is for people; who looks for the process asks the kernel who holds the lock, pins the answer with
 * a pidfd, and asks again, so that a number which was given to another in between is not mistaken
 * for ours. Signals go through the pidfd only. This works after any crash of anyone. */
#ifndef WIRE_PROCESS_H
#define WIRE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

struct process {
    pid_t pid; /* 0 for none */
    int fd;    /* its pidfd, readable when it has ended; -1 for none */
};

/* Make `path` this process's pid file until it ends. 0, or -1 with `err` set: ERR_CONFLICT when a
 * living process has it. Neither fork nor exec hands a claim on. For one thread. */
int process_claim(const char *path, struct error *err);

/* Who claims `path`. 0 with *found set, `pid` 0 for nobody (also when there is no such file); -1
 * with `err` set. Release it with process_release. */
int process_find(struct process *found, const char *path, struct error *err);

/* Who holds a POSIX lock on byte `at` of the open file `fd`, which need not be a pid file; never
 * ourselves. 0 with *found set as above, -1 with errno set. */
int process_holder(struct process *found, int fd, off_t at);

/* Whether any of its threads runs or waits for a processor, rather than for something. False also
 * when it is not known. */
bool process_runnable(pid_t pid);

/* Have as many descriptors as the system lets us. */
void process_raise_files(void);

/* Send `signal`. 0, or -1 with errno set, ESRCH when it has ended. */
int process_signal(const struct process *found, int signal);

/* Wait until it has ended, for `timeout_us` at most, -1 for ever. True when it has. */
bool process_wait_gone(const struct process *found, int64_t timeout_us);

/* Forget it; all zero or released before is fine. */
void process_release(struct process *found);

struct process_spawn_opts {
    const char *const *argv; /* ends with NULL; argv[0] is the program's path */
    const char *log;         /* standard output and error are appended to it */
    const char *folder;      /* to work in; NULL for ours */
};

/* Start a process that lives on when we end: own session, standard input empty, no descriptor of
 * ours, default signals except SIGPIPE, which is ignored. It is nobody's child, so nobody needs to
 * wait for it. Blocks until it runs the program. 0 with *pid set, or -1 with `err` set and nothing
 * left running. */
int process_spawn(const struct process_spawn_opts *opts, pid_t *pid, struct error *err);

#endif
