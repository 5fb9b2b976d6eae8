// File systems, mappings and file identities. What each function is for: filesystem.h.

#include "filesystem.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#if defined(__linux__)

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

uint32_t cfilesystem_type(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (uint32_t)status.f_type : CFILESYSTEM_UNKNOWN;
}

int cfilesystem_keeps_blocks(int descriptor, int turn_off) {
    struct statfs status;
    if (fstatfs(descriptor, &status) != 0) return 0;
    if ((uint32_t)status.f_type != CFILESYSTEM_BTRFS) return 1;
    int flags = 0;
    if (ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0) return 0;
    if (turn_off) {
        flags |= FS_NOCOW_FL;
        if (ioctl(descriptor, FS_IOC_SETFLAGS, &flags) != 0) return 0;
        if (ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0) return 0;
    }
    return (flags & FS_NOCOW_FL) != 0;
}

int cfilesystem_populate(void *start, uintptr_t length) { return madvise(start, length, MADV_POPULATE_WRITE); }

int cfilesystem_identity(int descriptor, const char *path, uint64_t *device, uint64_t *inode) {
    struct statx status;
    if (statx(descriptor < 0 ? AT_FDCWD : descriptor, path == NULL ? "" : path, path == NULL ? AT_EMPTY_PATH : 0, STATX_INO,
              &status) != 0)
        return -1;
    *device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
    *inode = status.stx_ino;
    return 0;
}

void cfilesystem_keep_from_children(void *start, uintptr_t length) { madvise(start, length, MADV_DONTFORK); }

#else

#include <sys/stat.h>

int cfilesystem_identity(int descriptor, const char *path, uint64_t *device, uint64_t *inode) {
    struct stat status;
    if ((path == NULL ? fstat(descriptor, &status) : stat(path, &status)) != 0) return -1;
    *device = (uint64_t)status.st_dev;
    *inode = (uint64_t)status.st_ino;
    return 0;
}

uint32_t cfilesystem_type(const char *path) {
    (void)path;
    return CFILESYSTEM_UNKNOWN;
}

int cfilesystem_keeps_blocks(int descriptor, int turn_off) {
    (void)descriptor;
    (void)turn_off;
    return 0;
}

int cfilesystem_populate(void *start, uintptr_t length) {
    (void)start;
    (void)length;
    errno = ENOSYS;
    return -1;
}

void cfilesystem_keep_from_children(void *start, uintptr_t length) {
    (void)start;
    (void)length;
}

#endif
