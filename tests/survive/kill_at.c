// Preloaded into the program: counts what it does to files under $KILL_ROOT and ends it by SIGKILL at the operation with
// the number $KILL_AT, of which a write is done by half. All processes count together, in the file $KILL_COUNTER.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static long *counter;
static long kill_at;
static const char *root;

__attribute__((constructor)) static void start(void) {
    int file = open(getenv("KILL_COUNTER"), O_RDWR);
    counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    kill_at = atol(getenv("KILL_AT"));
    root = getenv("KILL_ROOT");
}

static int is_turn(const char *path) {
    int inside = path[0] != '/' || strncmp(path, root, strlen(root)) == 0;
    return inside && __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST) == kill_at;
}

static int is_turn_of(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0 || path[0] != '/') return 0;
    path[length] = 0;
    return is_turn(path);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    pause();
}

int rename(const char *from, const char *to) {
    int (*next)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    if (is_turn(from)) die();
    return next(from, to);
}

int unlink(const char *path) {
    int (*next)(const char *) = dlsym(RTLD_NEXT, "unlink");
    if (is_turn(path)) die();
    return next(path);
}

int fsync(int file) {
    int (*next)(int) = dlsym(RTLD_NEXT, "fsync");
    if (is_turn_of(file)) die();
    return next(file);
}

ssize_t write(int file, const void *bytes, size_t length) {
    ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (is_turn_of(file)) {
        next(file, bytes, length / 2);
        die();
    }
    return next(file, bytes, length);
}
