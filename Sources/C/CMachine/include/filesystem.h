// What kind of file system a file is on, Btrfs's switch for copy-on-write, calls on mappings, which file a
// descriptor is, and what a forked child must not keep.
//
// In C because Swift's import of the C library leaves out statfs(), and the ioctl numbers are macros with
// arithmetic.
#ifndef BACKSTAY_CMACHINE_FILESYSTEM_H
#define BACKSTAY_CMACHINE_FILESYSTEM_H

#include <stdint.h>

// File system types as statfs() gives them (https://man7.org/linux/man-pages/man2/statfs.2.html).
static const uint32_t CFILESYSTEM_UNKNOWN = 0;
static const uint32_t CFILESYSTEM_EXT4 = 0xEF53;
static const uint32_t CFILESYSTEM_XFS = 0x58465342;
static const uint32_t CFILESYSTEM_TMPFS = 0x01021994;
static const uint32_t CFILESYSTEM_BTRFS = 0x9123683E;

// The type of the file system a path is on, or CFILESYSTEM_UNKNOWN.
uint32_t cfilesystem_type(const char *path);

// Whether stores into a shared mapping of this file go to the blocks it has. `turn_off` first turns copy-on-write
// off for the file, which must be empty: FS_NOCOW_FL (https://man7.org/linux/man-pages/man2/ioctl_iflags.2.html).
int cfilesystem_keeps_blocks(int descriptor, int turn_off);

// MADV_POPULATE_WRITE (Linux 5.14): gives pages of a mapping their blocks. -1 with errno on failure; ENOSYS if the
// system has no such call.
int cfilesystem_populate(void *start, uintptr_t length);

// Which file a descriptor is; if it is -1, which file the path names. It asks for nothing else: since Linux 6.13
// whoever asks for a file's times makes the next write to it take new ones. -1 with errno on failure.
int cfilesystem_identity(int descriptor, const char *path, uint64_t *device, uint64_t *inode);

// MADV_DONTFORK: a forked child does not get the mapping. Does nothing if the system has no such call.
void cfilesystem_keep_from_children(void *start, uintptr_t length);

// From now on a forked child closes this descriptor before it runs anything else. 0 if there is no place left for it.
int cfilesystem_close_in_children(int descriptor);

// Takes a descriptor off that list; the caller then closes it. 0 in a child, which has closed it already, and for a
// descriptor that was never given.
int cfilesystem_still_held(int descriptor);

#endif
