/*
 * The recorder of the power-cut tests: a library to preload (LD_PRELOAD) that writes down, in order, everything a
 * process changes in the files below one folder. What may be left of it after a power cut is worked out from that
 * trace by `zo_tests::powercut`; this file knows nothing of disks. Start at `append` (the record) and `write_common`
 * (a call that is recorded).
 *
 *   POWERCUT_ROOT    the folder to watch
 *   POWERCUT_TRACE   the file to append records to, not below that folder
 *   POWERCUT_STDOUT  set by the first process: device and inode of the stdout whose bytes are acknowledgements
 *
 * One record is a header, a path, a second path and data, in the machine's byte order, appended by one write(2): a
 * process that is killed leaves at most a torn last record. A record's sequence number is its place in the trace.
 * Changes are recorded after they happened and under one lock (a mutex between threads, a record lock on the trace
 * between processes), so that the order in the trace is the order in the kernel. Three things differ on purpose:
 *  - a sync is two records, one before and one after: it covers what was recorded before the first, and is known to
 *    have worked only at the second. Writers are not held up meanwhile.
 *  - bytes to stdout are recorded before they go out: from then on they count as seen by the outside.
 *  - sync_file_range is not a sync (it neither flushes the disk's cache nor writes metadata) and leaves no record.
 *
 * A process that is killed at a bad moment may have changed something without a record. That is of no consequence when the
 * trace ends there. SIGKILL sent by a recorded process, or by the harness under the lock, finds no such moment.
 *
 * Descriptors are looked up on every call (fstat and /proc/self/fd) instead of being followed through open, dup, fcntl,
 * fork and exec: it costs two microseconds a write and cannot be out of date.
 *
 * Not seen: system calls that do not go through libc's symbols (raw ones, io_uring, stdio's own writes inside libc) and
 * stores through a shared mapping; the last leave a record of the mapping. The harness compares the traced end state
 * with the real folder to notice them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#if !defined(__linux__) || !defined(__LP64__)
#error "the power-cut recorder is for 64-bit Linux"
#endif

/* Kept in step with tests/src/powercut/format.rs. */
enum kind {
    PROCESS = 1,      /* a process began to be recorded */
    STDOUT = 2,       /* data: bytes about to go out */
    STDOUT_SHORT = 3, /* value: how many of the bytes recorded last by this process did not go out after all */
    CREATE = 4,       /* path, inode, value: mode; an empty path: a file without a name (O_TMPFILE) */
    WRITE = 5,        /* inode, offset, data, path for messages */
    SET_LENGTH = 6,   /* inode, value: the new length */
    ALLOCATE = 7,     /* inode, offset, value: length, flags: fallocate's mode */
    SYNC_BEGIN = 8,   /* inode (0: everything), value: a token */
    SYNC_END = 9,     /* value: the token of a sync that has worked */
    RENAME = 10,      /* path to second path, flags: renameat2's; OUTSIDE for the side that is not below the root */
    UNLINK = 11,      /* path */
    MAKE_FOLDER = 12, /* path, inode, value: mode */
    REMOVE_FOLDER = 13,
    LINK = 14,    /* inode, path: the new name */
    SYMLINK = 15, /* inode, path, second path: what it says */
    MODE = 16,    /* inode, value: mode */
    MAPPED = 17,  /* inode, path: writes through this mapping are invisible */
};
#define FLAG_SYNCED 1u /* WRITE: through O_SYNC or O_DSYNC, durable by now */
#define FLAG_OUTSIDE_FROM 0x100u
#define FLAG_OUTSIDE_TO 0x200u

struct header {
    uint32_t magic;
    uint16_t kind;
    uint16_t flags;
    uint32_t pid;
    uint32_t path_length;
    uint32_t second_length;
    uint32_t reserved;
    uint64_t inode;
    uint64_t offset;
    uint64_t value;
    uint64_t data_length;
};
#define MAGIC 0x31435a50u
#define NO_OFFSET (-1)
#define MOST_PARTS 1000   /* of one vectored write, below the kernel's 1024 so that our own parts fit beside them */
#define MOST_COPIED (16u << 20) /* of one copy inside the kernel, which is read back to be recorded */

static char root[PATH_MAX];
static size_t root_length;
static char trace_path[PATH_MAX];
static int trace_fd = -1;
static dev_t trace_device;
static ino_t trace_inode;
static dev_t stdout_device;
static ino_t stdout_inode;
static uint32_t syncs;
static int active;
static pthread_mutex_t trace_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t stdout_mutex = PTHREAD_MUTEX_INITIALIZER;

static void give_up(const char *why) {
    static const char prefix[] = "power-cut recorder: ";
    syscall(SYS_write, 2, prefix, sizeof prefix - 1);
    syscall(SYS_write, 2, why, strlen(why));
    syscall(SYS_write, 2, "\n", 1);
    abort();
}

static void open_trace(void) {
    struct stat status;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, trace_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &status) != 0) give_up("cannot open the trace");
    /* Out of the way of programs that count their descriptors or close the low ones. */
    int high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 700);
    trace_fd = high < 0 ? fd : high;
    if (high >= 0) syscall(SYS_close, fd);
    trace_device = status.st_dev;
    trace_inode = status.st_ino;
}

static void lock_between_processes(short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    while (syscall(SYS_fcntl, trace_fd, F_SETLKW, &lock) != 0)
        if (errno != EINTR) give_up("cannot lock the trace");
}

static void lock(void) {
    struct stat status;
    pthread_mutex_lock(&trace_mutex);
    /* The program may have closed our descriptor, and even have got its number for a file of its own. */
    if (fstat(trace_fd, &status) != 0 || status.st_ino != trace_inode || status.st_dev != trace_device) open_trace();
    lock_between_processes(F_WRLCK);
}

static void unlock(void) {
    lock_between_processes(F_UNLCK);
    pthread_mutex_unlock(&trace_mutex);
}

/* Appends one record; `parts` are cut off at header.data_length bytes. To be called under the lock. */
static void append(struct header header, const char *path, const char *second, const struct iovec *parts, int count) {
    struct iovec all[MOST_PARTS + 3];
    int used = 0;
    header.magic = MAGIC;
    header.pid = (uint32_t)getpid();
    header.path_length = path ? (uint32_t)strlen(path) : 0;
    header.second_length = second ? (uint32_t)strlen(second) : 0;
    all[used++] = (struct iovec){&header, sizeof header};
    if (header.path_length) all[used++] = (struct iovec){(void *)path, header.path_length};
    if (header.second_length) all[used++] = (struct iovec){(void *)second, header.second_length};
    size_t left = header.data_length;
    for (int i = 0; i < count && left > 0; i++) {
        size_t take = parts[i].iov_len < left ? parts[i].iov_len : left;
        all[used++] = (struct iovec){parts[i].iov_base, take};
        left -= take;
    }
    struct iovec *next = all;
    while (used > 0) {
        ssize_t written = syscall(SYS_writev, trace_fd, next, used);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) give_up("cannot append to the trace (is its disk full?)");
        while (used > 0 && (size_t)written >= next->iov_len) {
            written -= next->iov_len;
            next++;
            used--;
        }
        if (used > 0) {
            next->iov_base = (char *)next->iov_base + written;
            next->iov_len -= (size_t)written;
        }
    }
}

static void append_locked(struct header header, const char *path, const char *second) {
    int before = errno;
    lock();
    append(header, path, second, NULL, 0);
    unlock();
    errno = before;
}

/* The part of an absolute path below the root ("" is the root itself), or NULL. */
static const char *below_root(const char *absolute) {
    if (strncmp(absolute, root, root_length) != 0) return NULL;
    if (absolute[root_length] == '\0') return absolute + root_length;
    return absolute[root_length] == '/' ? absolute + root_length + 1 : NULL;
}

static int descriptor_path(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, out, PATH_MAX - 1);
    if (length <= 0) return -1;
    out[length] = '\0';
    return 0;
}

/* The watched file or folder behind a descriptor: its path below the root (in `buffer`), or NULL for all others. */
static const char *watched(int fd, struct stat *status, char *buffer) {
    static const char gone[] = " (deleted)";
    if (!active || fd < 0 || fstat(fd, status) != 0) return NULL;
    if (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode)) return NULL;
    if (descriptor_path(fd, buffer) != 0) return NULL;
    size_t length = strlen(buffer), suffix = sizeof gone - 1;
    if (status->st_nlink == 0 && length > suffix && strcmp(buffer + length - suffix, gone) == 0)
        buffer[length - suffix] = '\0';
    return below_root(buffer);
}

/* The path below the root of a name (whether or not it exists), with its folder's links resolved; NULL if elsewhere. */
static const char *watched_name(int folder, const char *name, char *buffer) {
    char copy[PATH_MAX];
    if (!active || name == NULL || name[0] == '\0' || strlen(name) >= sizeof copy) return NULL;
    int before = errno;
    strcpy(copy, name);
    size_t length = strlen(copy);
    while (length > 1 && copy[length - 1] == '/') copy[--length] = '\0';
    char *slash = strrchr(copy, '/');
    const char *last = slash ? slash + 1 : copy;
    const char *parent = slash == copy ? "/" : slash ? copy : ".";
    if (slash && slash != copy) *slash = '\0';
    int fd = (int)syscall(SYS_openat, folder, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    const char *result = NULL;
    if (fd >= 0) {
        if (descriptor_path(fd, buffer) == 0 && strlen(buffer) + strlen(last) + 2 < PATH_MAX) {
            strcat(buffer, "/");
            strcat(buffer, last);
            result = below_root(buffer);
        }
        syscall(SYS_close, fd);
    }
    errno = before;
    return result;
}

/* ---- writes ---- */

static int is_acknowledgement(int fd) {
    struct stat status;
    return active && fd == STDOUT_FILENO && stdout_inode != 0 && fstat(fd, &status) == 0 &&
           status.st_ino == stdout_inode && status.st_dev == stdout_device;
}

static size_t total_length(const struct iovec *parts, int count) {
    size_t total = 0;
    for (int i = 0; i < count; i++) total += parts[i].iov_len;
    return total;
}

static ssize_t write_raw(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    if (offset == NO_OFFSET && flags == 0)
        return count == 1 ? syscall(SYS_write, fd, parts->iov_base, parts->iov_len)
                          : syscall(SYS_writev, fd, parts, count);
    if (flags == 0 && count == 1) return syscall(SYS_pwrite64, fd, parts->iov_base, parts->iov_len, offset);
    return syscall(SYS_pwritev2, fd, parts, count, offset, 0, flags);
}

static ssize_t write_acknowledgement(int fd, const struct iovec *parts, int count) {
    size_t wanted = total_length(parts, count);
    /* A mutex of its own keeps the order of the bytes: a full pipe must not hold up the other threads' writes. */
    pthread_mutex_lock(&stdout_mutex);
    lock();
    append((struct header){.kind = STDOUT, .data_length = wanted}, NULL, NULL, parts, count);
    unlock();
    ssize_t written = write_raw(fd, parts, count, NO_OFFSET, 0);
    size_t missing = wanted - (written < 0 ? 0 : (size_t)written);
    if (missing > 0) append_locked((struct header){.kind = STDOUT_SHORT, .value = missing}, NULL, NULL);
    pthread_mutex_unlock(&stdout_mutex);
    return written;
}

static ssize_t write_common(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    struct stat status;
    char buffer[PATH_MAX];
    int before = errno;
    if (count > MOST_PARTS) count = MOST_PARTS; /* a short write, which callers have to expect */
    if (offset == NO_OFFSET && is_acknowledgement(fd)) {
        errno = before;
        return write_acknowledgement(fd, parts, count);
    }
    const char *path = watched(fd, &status, buffer);
    errno = before;
    if (path == NULL) return write_raw(fd, parts, count, offset, flags);
    lock();
    ssize_t written = write_raw(fd, parts, count, offset, flags);
    before = errno;
    if (written > 0) {
        int mode = fcntl(fd, F_GETFL);
        off_t start = offset;
        if (offset == NO_OFFSET) start = lseek(fd, 0, SEEK_CUR) - written;
        else if (((mode & O_APPEND) || (flags & RWF_APPEND)) && fstat(fd, &status) == 0) start = status.st_size - written;
        struct header header = {.kind = WRITE, .inode = status.st_ino, .offset = (uint64_t)start};
        header.data_length = (uint64_t)written;
        if ((mode & O_DSYNC) || (flags & (RWF_DSYNC | RWF_SYNC))) header.flags = FLAG_SYNCED;
        append(header, path, NULL, parts, count);
    }
    unlock();
    errno = before;
    return written;
}

ssize_t write(int fd, const void *data, size_t length) {
    return write_common(fd, &(struct iovec){(void *)data, length}, 1, NO_OFFSET, 0);
}
ssize_t writev(int fd, const struct iovec *parts, int count) { return write_common(fd, parts, count, NO_OFFSET, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return write_common(fd, &(struct iovec){(void *)data, length}, 1, offset, 0);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return pwrite(fd, data, length, offset); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return write_common(fd, parts, count, offset, 0);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return pwritev(fd, parts, count, offset);
}
ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    return write_common(fd, parts, count, offset, flags);
}
ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags) {
    return pwritev2(fd, parts, count, offset, flags);
}

/* Copies inside the kernel: done for real, then read back from the file they went to. */
static void append_read_back(int fd, uint64_t inode, const char *path, off_t start, size_t length) {
    char link[64];
    char *data = malloc(length);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int reader = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
    if (data == NULL || reader < 0 || pread(reader, data, length, start) != (ssize_t)length)
        give_up("cannot read back what was copied");
    syscall(SYS_close, reader);
    struct header header = {.kind = WRITE, .inode = inode, .offset = (uint64_t)start, .data_length = length};
    if (fcntl(fd, F_GETFL) & O_DSYNC) header.flags = FLAG_SYNCED;
    append(header, path, NULL, &(struct iovec){data, length}, 1);
    free(data);
}

#define COPY(call, out, out_offset, length)                                                               \
    struct stat status;                                                                                   \
    char buffer[PATH_MAX];                                                                                \
    int before = errno;                                                                                   \
    const char *path = watched(out, &status, buffer);                                                     \
    errno = before;                                                                                       \
    if (path == NULL) return call;                                                                        \
    if (length > MOST_COPIED) length = MOST_COPIED;                                                       \
    lock();                                                                                               \
    ssize_t copied = call;                                                                                \
    before = errno;                                                                                       \
    off64_t *at = out_offset;                                                                             \
    if (copied > 0)                                                                                       \
        append_read_back(out, status.st_ino, path, (at ? *at : lseek(out, 0, SEEK_CUR)) - copied, copied); \
    unlock();                                                                                             \
    errno = before;                                                                                       \
    return copied

ssize_t copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t length, unsigned flags) {
    COPY(syscall(SYS_copy_file_range, in, in_offset, out, out_offset, length, flags), out, out_offset, length);
}
ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t length, unsigned flags) {
    COPY(syscall(SYS_splice, in, in_offset, out, out_offset, length, flags), out, out_offset, length);
}
ssize_t sendfile(int out, int in, off_t *offset, size_t length) {
    COPY(syscall(SYS_sendfile, out, in, offset, length), out, NULL, length);
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t length) { return sendfile(out, in, offset, length); }

/* ---- lengths and syncs ---- */

int ftruncate(int fd, off_t length) {
    struct stat status;
    char buffer[PATH_MAX];
    if (!watched(fd, &status, buffer)) return (int)syscall(SYS_ftruncate, fd, length);
    lock();
    int result = (int)syscall(SYS_ftruncate, fd, length);
    int before = errno;
    struct header header = {.kind = SET_LENGTH, .inode = status.st_ino, .value = (uint64_t)length};
    if (result == 0) append(header, NULL, NULL, NULL, 0);
    unlock();
    errno = before;
    return result;
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int truncate(const char *name, off_t length) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0) return -1;
    int result = ftruncate(fd, length);
    int before = errno;
    syscall(SYS_close, fd);
    errno = before;
    return result;
}
int truncate64(const char *name, off64_t length) { return truncate(name, length); }

int fallocate(int fd, int mode, off_t offset, off_t length) {
    struct stat status;
    char buffer[PATH_MAX];
    if (!watched(fd, &status, buffer)) return (int)syscall(SYS_fallocate, fd, mode, offset, length);
    lock();
    int result = (int)syscall(SYS_fallocate, fd, mode, offset, length);
    int before = errno;
    struct header header = {.kind = ALLOCATE, .flags = (uint16_t)mode, .inode = status.st_ino};
    header.offset = (uint64_t)offset;
    header.value = (uint64_t)length;
    if (result == 0) append(header, NULL, NULL, NULL, 0);
    unlock();
    errno = before;
    return result;
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }
/* Returns the error instead of setting it. File systems without fallocate are refused rather than emulated. */
int posix_fallocate(int fd, off_t offset, off_t length) {
    int before = errno;
    int result = fallocate(fd, 0, offset, length) == 0 ? 0 : errno;
    errno = before;
    return result;
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

static uint64_t begin_sync(uint64_t inode) {
    lock();
    uint64_t token = (uint64_t)getpid() << 32 | ++syncs;
    append((struct header){.kind = SYNC_BEGIN, .inode = inode, .value = token}, NULL, NULL, NULL, 0);
    unlock();
    return token;
}

static int sync_common(int fd, long call) {
    struct stat status;
    char buffer[PATH_MAX];
    if (!watched(fd, &status, buffer)) return (int)syscall(call, fd);
    uint64_t token = begin_sync(status.st_ino);
    int result = (int)syscall(call, fd);
    if (result == 0) append_locked((struct header){.kind = SYNC_END, .value = token}, NULL, NULL);
    return result;
}
int fsync(int fd) { return sync_common(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_common(fd, SYS_fdatasync); }

static int sync_everything(int fd) {
    uint64_t token = active ? begin_sync(0) : 0;
    int result = fd < 0 ? (int)syscall(SYS_sync) : (int)syscall(SYS_syncfs, fd);
    if (active && result == 0) append_locked((struct header){.kind = SYNC_END, .value = token}, NULL, NULL);
    return result;
}
void sync(void) { sync_everything(-1); }
int syncfs(int fd) {
    struct stat status;
    char buffer[PATH_MAX];
    return watched(fd, &status, buffer) ? sync_everything(fd) : (int)syscall(SYS_syncfs, fd);
}

/* msync needs no record: a shared writable mapping is refused as a whole by whoever reads the trace. */
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    struct stat status;
    char buffer[PATH_MAX];
    void *result = (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
    int type = flags & 0xf; /* MAP_SHARED, MAP_PRIVATE or MAP_SHARED_VALIDATE */
    if (active && result != MAP_FAILED && fd >= 0 && type != MAP_PRIVATE && (protection & PROT_WRITE)) {
        int before = errno;
        const char *path = watched(fd, &status, buffer);
        if (path) append_locked((struct header){.kind = MAPPED, .inode = status.st_ino}, path, NULL);
        errno = before;
    }
    return result;
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    return mmap(address, length, protection, flags, fd, offset);
}

/* ---- names ---- */

static int open_common(int folder, const char *name, int flags, mode_t mode) {
    struct stat status, old;
    char buffer[PATH_MAX];
    int unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    int before = errno;
    int existed = 0;
    /* What changes nothing needs no record; opening a pipe may block, which must not happen under the lock. */
    int plain = !active || !(flags & (O_CREAT | O_TRUNC) || unnamed);
    if (!plain && !unnamed) {
        plain = !watched_name(folder, name, buffer) && !(flags & O_TRUNC);
        if (!plain && fstatat(folder, name, &old, 0) == 0) plain = !S_ISREG(old.st_mode);
    }
    errno = before;
    if (plain) return (int)syscall(SYS_openat, folder, name, flags, mode);
    lock();
    if (!unnamed) existed = fstatat(folder, name, &old, 0) == 0;
    errno = before;
    int fd = (int)syscall(SYS_openat, folder, name, flags, mode);
    before = errno;
    const char *path = fd < 0 ? NULL : watched(fd, &status, buffer);
    if (path && S_ISREG(status.st_mode)) {
        struct header header = {.kind = existed ? SET_LENGTH : CREATE, .inode = status.st_ino};
        if (!existed) header.value = status.st_mode & 07777;
        if (!existed || ((flags & O_TRUNC) && old.st_size > 0))
            append(header, existed || unnamed ? NULL : path, NULL, NULL, 0);
    }
    unlock();
    errno = before;
    return fd;
}

#define MODE_ARGUMENT(flags, mode)                                \
    mode_t mode = 0;                                              \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {  \
        va_list rest;                                             \
        va_start(rest, flags);                                    \
        mode = va_arg(rest, mode_t);                              \
        va_end(rest);                                             \
    }
int open(const char *name, int flags, ...) {
    MODE_ARGUMENT(flags, mode)
    return open_common(AT_FDCWD, name, flags, mode);
}
int open64(const char *name, int flags, ...) {
    MODE_ARGUMENT(flags, mode)
    return open_common(AT_FDCWD, name, flags, mode);
}
int openat(int folder, const char *name, int flags, ...) {
    MODE_ARGUMENT(flags, mode)
    return open_common(folder, name, flags, mode);
}
int openat64(int folder, const char *name, int flags, ...) {
    MODE_ARGUMENT(flags, mode)
    return open_common(folder, name, flags, mode);
}
int creat(const char *name, mode_t mode) { return open_common(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *name, mode_t mode) { return creat(name, mode); }

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    char from_buffer[PATH_MAX], to_buffer[PATH_MAX];
    const char *from_path = watched_name(from_folder, from, from_buffer);
    const char *to_path = watched_name(to_folder, to, to_buffer);
    if (!from_path && !to_path) return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    lock();
    int result = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    int before = errno;
    struct header header = {.kind = RENAME, .flags = (uint16_t)flags};
    if (!from_path) header.flags |= FLAG_OUTSIDE_FROM;
    if (!to_path) header.flags |= FLAG_OUTSIDE_TO;
    if (result == 0) append(header, from_path, to_path, NULL, 0);
    unlock();
    errno = before;
    return result;
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return renameat2(from_folder, from, to_folder, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char *name, int flags) {
    char buffer[PATH_MAX];
    const char *path = watched_name(folder, name, buffer);
    if (!path) return (int)syscall(SYS_unlinkat, folder, name, flags);
    lock();
    int result = (int)syscall(SYS_unlinkat, folder, name, flags);
    int before = errno;
    struct header header = {.kind = flags & AT_REMOVEDIR ? REMOVE_FOLDER : UNLINK};
    if (result == 0) append(header, path, NULL, NULL, 0);
    unlock();
    errno = before;
    return result;
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

/* Runs a call that makes `name` and records it with the inode that it got. */
#define MAKE(call, made, folder, name, second)                                                \
    struct stat status;                                                                       \
    char buffer[PATH_MAX];                                                                    \
    const char *path = watched_name(folder, name, buffer);                                    \
    if (!path) return (int)call;                                                              \
    lock();                                                                                   \
    int result = (int)call;                                                                   \
    int before = errno;                                                                       \
    if (result == 0 && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {            \
        struct header header = {.kind = made, .inode = status.st_ino, .value = status.st_mode & 07777}; \
        append(header, path, second, NULL, 0);                                                \
    }                                                                                         \
    unlock();                                                                                 \
    errno = before;                                                                           \
    return result

int mkdirat(int folder, const char *name, mode_t mode) {
    MAKE(syscall(SYS_mkdirat, folder, name, mode), MAKE_FOLDER, folder, name, NULL);
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }
int linkat(int from_folder, const char *from, int folder, const char *name, int flags) {
    MAKE(syscall(SYS_linkat, from_folder, from, folder, name, flags), LINK, folder, name, NULL);
}
int link(const char *from, const char *name) { return linkat(AT_FDCWD, from, AT_FDCWD, name, 0); }
int symlinkat(const char *text, int folder, const char *name) {
    MAKE(syscall(SYS_symlinkat, text, folder, name), SYMLINK, folder, name, text);
}
int symlink(const char *text, const char *name) { return symlinkat(text, AT_FDCWD, name); }

static void append_mode(int fd) {
    struct stat status;
    char buffer[PATH_MAX];
    int before = errno;
    struct header header = {.kind = MODE};
    if (watched(fd, &status, buffer)) {
        header.inode = status.st_ino;
        header.value = status.st_mode & 07777;
        append_locked(header, NULL, NULL);
    }
    errno = before;
}
int fchmod(int fd, mode_t mode) {
    int result = (int)syscall(SYS_fchmod, fd, mode);
    if (result == 0) append_mode(fd);
    return result;
}
int chmod(const char *name, mode_t mode) {
    int result = (int)syscall(SYS_fchmodat, AT_FDCWD, name, mode);
    int fd = result == 0 && active ? (int)syscall(SYS_openat, AT_FDCWD, name, O_PATH | O_CLOEXEC, 0) : -1;
    if (fd >= 0) {
        append_mode(fd);
        syscall(SYS_close, fd);
    }
    return result;
}

/* ---- kills ---- */

/* Under the lock nobody is between a change and its record, so that a process that is killed by one that goes on leaves
 * nothing in the folder that the trace does not have. */
static int kill_common(int call, pid_t id, int signal) {
    int careful = active && signal == SIGKILL;
    if (careful) lock();
    int result = (int)syscall(call, id, signal);
    int before = errno;
    if (careful) unlock();
    errno = before;
    return result;
}
int kill(pid_t pid, int signal) { return kill_common(SYS_kill, pid, signal); }
int killpg(pid_t group, int signal) {
    if (group < 0) {
        errno = EINVAL;
        return -1;
    }
    /* kill(2) with 0 means the own group, as killpg(3) does. */
    return kill_common(SYS_kill, -group, signal);
}

/* ---- start ---- */

static void in_forked_child(void) {
    /* Another thread of the parent may have held them; record locks are not inherited. */
    pthread_mutex_init(&trace_mutex, NULL);
    pthread_mutex_init(&stdout_mutex, NULL);
    syncs = 0;
}

__attribute__((constructor)) static void start(void) {
    const char *root_name = getenv("POWERCUT_ROOT"), *trace_name = getenv("POWERCUT_TRACE");
    const char *known = getenv("POWERCUT_STDOUT");
    unsigned long long device = 0, inode = 0;
    struct stat status;
    if (!root_name || !trace_name) return;
    if (!realpath(root_name, root)) give_up("POWERCUT_ROOT does not exist");
    if (strlen(trace_name) >= sizeof trace_path) give_up("POWERCUT_TRACE is too long");
    root_length = strlen(root);
    strcpy(trace_path, trace_name);
    if (known) {
        if (sscanf(known, "%llu:%llu", &device, &inode) != 2) give_up("POWERCUT_STDOUT is not device:inode");
    } else if (fstat(STDOUT_FILENO, &status) == 0) {
        char value[64];
        device = status.st_dev;
        inode = status.st_ino;
        snprintf(value, sizeof value, "%llu:%llu", device, inode);
        setenv("POWERCUT_STDOUT", value, 1);
    }
    stdout_device = (dev_t)device;
    stdout_inode = (ino_t)inode;
    open_trace();
    pthread_atfork(NULL, NULL, in_forked_child);
    active = 1;
    append_locked((struct header){.kind = PROCESS, .value = (uint64_t)getppid()}, NULL, NULL);
}
