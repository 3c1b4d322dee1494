/* Records what a program does to the files below a folder, as a library for LD_PRELOAD. tests/integration/power_loss
 * compiles it, and replays the record up to any point to find out what a power loss at that point leaves on the disk.
 *
 * RECORD_ROOT is the folder, RECORD_FILE the file for the record: one entry per call that succeeded, in their order.
 * RECORD_FULL_AFTER is a number of calls that need space, after which all of them fail as on a full disk.
 * An entry is an operation (1 byte), an inode (8), an offset (8), the lengths of two paths (4 each) and of data (8),
 * all in the byte order of the machine, then the paths and the data.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t order = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int record = -1;
static const char *root;
static long room = -1;


__attribute__((constructor)) static void start(void) {
  root = getenv("RECORD_ROOT");
  const char *path = getenv("RECORD_FILE");
  const char *full_after = getenv("RECORD_FULL_AFTER");
  if (full_after) room = atol(full_after);
  if (root && path)
    record = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void raw(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    long written = syscall(SYS_write, record, at, length);
    if (written <= 0) abort();
    at += written;
    length -= written;
  }
}

static void entry(char operation, uint64_t inode, uint64_t offset, const char *one, const char *other,
                  const void *data, uint64_t length) {
  int saved = errno;
  uint32_t lengths[2] = {one ? strlen(one) : 0, other ? strlen(other) : 0};
  raw(&operation, 1);
  raw(&inode, 8);
  raw(&offset, 8);
  raw(lengths, 8);
  raw(&length, 8);
  raw(one, lengths[0]);
  raw(other, lengths[1]);
  raw(data, length);
  errno = saved;
}

/* Whether the disk is full. */
static int is_full(void) {
  if (room < 0) return 0;
  if (room-- > 0) return 0;
  room = 0;
  errno = ENOSPC;
  return 1;
}

/* The absolute path of a name in a folder, whose symbolic links are resolved but not the name. False if it is not below
 * the root. */
static int below(int folder, const char *name, char *path) {
  char joined[PATH_MAX * 2], parent[PATH_MAX];
  if (record < 0 || !name) return 0;
  if (name[0] == '/') {
    snprintf(joined, sizeof joined, "%s", name);
  } else {
    char link[64], at[PATH_MAX];
    if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, at, sizeof at - 1);
    if (length < 0) return 0;
    at[length] = 0;
    snprintf(joined, sizeof joined, "%s/%s", at, name);
  }
  size_t end = strlen(joined);
  while (end > 1 && joined[end - 1] == '/') joined[--end] = 0;
  char *slash = strrchr(joined, '/');
  *slash = 0;
  if (!realpath(slash == joined ? "/" : joined, parent)) return 0;
  if (snprintf(path, PATH_MAX, "%s/%s", parent, slash + 1) >= PATH_MAX) return 0;
  size_t length = strlen(root);
  return !strncmp(path, root, length) && (path[length] == '/' || path[length] == 0);
}

/* The inode of a descriptor of a file or folder below the root; 0 for any other. */
static uint64_t inode_of(int descriptor) {
  char link[64], path[PATH_MAX];
  struct stat found;
  if (record < 0 || fstat(descriptor, &found) || !(S_ISREG(found.st_mode) || S_ISDIR(found.st_mode))) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, root, strlen(root)) ? 0 : found.st_ino;
}

static int opened(int folder, const char *name, int flags, mode_t mode) {
  char path[PATH_MAX];
  struct stat found;
  int writes = (flags & O_ACCMODE) != O_RDONLY && (flags & O_TMPFILE) != O_TMPFILE;
  pthread_mutex_lock(&order);
  int is_below = writes && below(folder, name, path);
  int is_new = is_below && lstat(path, &found);
  int descriptor = is_new && is_full() ? -1 : syscall(SYS_openat, folder, name, flags, mode);
  if (descriptor >= 0 && is_below && (is_new || flags & O_TRUNC) && !fstat(descriptor, &found))
    entry(is_new ? 'c' : 't', found.st_ino, 0, path, 0, 0, 0);
  pthread_mutex_unlock(&order);
  return descriptor;
}

#define MODE(flags) \
  mode_t mode = 0; \
  if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) { \
    va_list rest; \
    va_start(rest, flags); \
    mode = va_arg(rest, int); \
    va_end(rest); \
  }

int open(const char *name, int flags, ...) { MODE(flags) return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags) return opened(AT_FDCWD, name, flags, mode); }
int openat(int folder, const char *name, int flags, ...) { MODE(flags) return opened(folder, name, flags, mode); }
int openat64(int folder, const char *name, int flags, ...) { MODE(flags) return opened(folder, name, flags, mode); }

ssize_t write(int descriptor, const void *bytes, size_t length) {
  uint64_t inode = inode_of(descriptor);
  if (!inode) return syscall(SYS_write, descriptor, bytes, length);
  pthread_mutex_lock(&order);
  off_t offset = lseek(descriptor, 0, SEEK_CUR);
  ssize_t written = is_full() ? -1 : syscall(SYS_write, descriptor, bytes, length);
  if (written > 0) entry('w', inode, offset, 0, 0, bytes, written);
  pthread_mutex_unlock(&order);
  return written;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  if (!inode_of(descriptor)) return syscall(SYS_writev, descriptor, parts, count);
  ssize_t total = 0;
  for (int at = 0; at < count; at++) {
    ssize_t written = write(descriptor, parts[at].iov_base, parts[at].iov_len);
    if (written < 0) return total ? total : written;
    total += written;
    if ((size_t)written < parts[at].iov_len) break;
  }
  return total;
}

static int synced(int descriptor, int call) {
  pthread_mutex_lock(&order);
  uint64_t inode = inode_of(descriptor);
  int result = inode && is_full() ? -1 : syscall(call, descriptor);
  if (!result && inode) entry('f', inode, 0, 0, 0, 0, 0);
  pthread_mutex_unlock(&order);
  return result;
}

int fsync(int descriptor) { return synced(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return synced(descriptor, SYS_fdatasync); }

static int cut(int descriptor, off_t length) {
  pthread_mutex_lock(&order);
  int result = syscall(SYS_ftruncate, descriptor, length);
  uint64_t inode = inode_of(descriptor);
  if (!result && inode) entry('l', inode, length, 0, 0, 0, 0);
  pthread_mutex_unlock(&order);
  return result;
}

int ftruncate(int descriptor, off_t length) { return cut(descriptor, length); }
int ftruncate64(int descriptor, off64_t length) { return cut(descriptor, length); }

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  char one[PATH_MAX], other[PATH_MAX];
  pthread_mutex_lock(&order);
  int is_below = below(from_folder, from, one) && below(to_folder, to, other);
  int result = is_below && is_full() ? -1 : syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  if (!result && is_below) entry(flags & RENAME_EXCHANGE ? 'x' : 'r', 0, 0, one, other, 0, 0);
  pthread_mutex_unlock(&order);
  return result;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  return renameat2(from_folder, from, to_folder, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char *name, int flags) {
  char path[PATH_MAX];
  pthread_mutex_lock(&order);
  int is_below = below(folder, name, path);
  int result = syscall(SYS_unlinkat, folder, name, flags);
  if (!result && is_below) entry('u', 0, 0, path, 0, 0, 0);
  pthread_mutex_unlock(&order);
  return result;
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int folder, const char *name, mode_t mode) {
  char path[PATH_MAX];
  struct stat found;
  pthread_mutex_lock(&order);
  int is_below = below(folder, name, path);
  int result = is_below && is_full() ? -1 : syscall(SYS_mkdirat, folder, name, mode);
  if (!result && is_below && !lstat(path, &found)) entry('m', found.st_ino, 0, path, 0, 0, 0);
  pthread_mutex_unlock(&order);
  return result;
}

int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }
