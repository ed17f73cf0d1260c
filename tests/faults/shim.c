/* Loaded before a program's own libraries (LD_PRELOAD): steps its clock and slows its disk, as a small file says that all its processes
   share. Only the clock of the wall is stepped; counters go on as they are, as with a machine whose clock is set. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct said {
    volatile int64_t step_ns;
    volatile int64_t write_delay_ns;
};

static const struct said nothing;
static const struct said *said = &nothing;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_SHIM");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *there = mmap(NULL, sizeof *said, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (there != MAP_FAILED)
        said = there;
}

#define REAL(type, name, ...)                                  \
    static type (*real)(__VA_ARGS__);                          \
    if (!real)                                                 \
        real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static void add(struct timespec *at) {
    int64_t ns = at->tv_nsec + said->step_ns % 1000000000;
    at->tv_sec += said->step_ns / 1000000000 + (ns >= 1000000000) - (ns < 0);
    at->tv_nsec = ns - 1000000000 * (ns >= 1000000000) + 1000000000 * (ns < 0);
}

int clock_gettime(clockid_t id, struct timespec *at) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int result = real(id, at);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        add(at);
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

static void wait_for_the_disk(void) {
    int64_t ns = said->write_delay_ns;
    if (ns > 0) {
        struct timespec pause = {ns / 1000000000, ns % 1000000000};
        nanosleep(&pause, NULL);
    }
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    wait_for_the_disk();
    return real(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    wait_for_the_disk();
    return real(file, bytes, count, at);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) {
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    wait_for_the_disk();
    return real(file, parts, count, at);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t at) {
    REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
    wait_for_the_disk();
    return real(file, parts, count, at);
}

int fsync(int file) {
    REAL(int, "fsync", int);
    wait_for_the_disk();
    return real(file);
}

int fdatasync(int file) {
    REAL(int, "fdatasync", int);
    wait_for_the_disk();
    return real(file);
}
