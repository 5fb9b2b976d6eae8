// Loop devices and mounts (https://man7.org/linux/man-pages/man4/loop.4.html).
//
// In C because Swift's import of the C library leaves out ioctl()'s macros, mount() and unshare().

#include "blocklog.h"

#include <errno.h>

#if defined(__linux__)

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

// The device of this number over the backing file; negative where it fails.
static int configure(int number, int backing, char *device) {
    snprintf(device, 64, "/dev/loop%d", number);
    int loop = open(device, O_RDWR | O_CLOEXEC);
    if (loop < 0) return -errno;
    struct loop_config config = {.fd = (uint32_t)backing, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
    int result = ioctl(loop, LOOP_CONFIGURE, &config) == 0 ? 0 : -errno;
    // Held for reading only: some kernels mount nothing that is open for writing elsewhere. Opened before the other is
    // closed, or the device would be gone in between.
    int held = result == 0 ? open(device, O_RDONLY | O_CLOEXEC) : -1;
    if (result == 0 && held < 0) result = -errno;
    close(loop);
    return result == 0 ? held : result;
}

int cblocklog_attach(const char *file, char *device) {
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) return -errno;
    int backing = open(file, O_RDWR | O_CLOEXEC);
    if (backing < 0) {
        int error = errno;
        close(control);
        return -error;
    }
    int result = -EBUSY;
    // Somebody else may take the number that was free.
    for (int attempt = 0; attempt < 100 && result == -EBUSY; attempt++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        result = number < 0 ? -errno : configure(number, backing, device);
    }
    close(backing);
    close(control);
    return result;
}

int cblocklog_forget(int descriptor) { return ioctl(descriptor, BLKFLSBUF, 0) == 0 ? 0 : errno; }

int cblocklog_own_mounts(void) {
    if (unshare(CLONE_NEWNS) != 0) return errno;
    // Else what is mounted here would show up where the rest of the system is.
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? 0 : errno;
}

int cblocklog_mount(const char *device, const char *folder, const char *type, const char *options) {
    return mount(device, folder, type, MS_NOSUID | MS_NODEV | MS_NOATIME, options) == 0 ? 0 : errno;
}

int cblocklog_unmount(const char *folder, int lazily) {
    return umount2(folder, lazily ? MNT_DETACH : 0) == 0 ? 0 : errno;
}

int cblocklog_sync(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return errno;
    int result = syncfs(file) == 0 ? 0 : errno;
    close(file);
    return result;
}

#else

int cblocklog_attach(const char *file, char *device) { return (void)file, (void)device, -ENOSYS; }
int cblocklog_forget(int descriptor) { return (void)descriptor, ENOSYS; }
int cblocklog_own_mounts(void) { return ENOSYS; }
int cblocklog_mount(const char *device, const char *folder, const char *type, const char *options) {
    return (void)device, (void)folder, (void)type, (void)options, ENOSYS;
}
int cblocklog_unmount(const char *folder, int lazily) { return (void)folder, (void)lazily, ENOSYS; }
int cblocklog_sync(const char *path) { return (void)path, ENOSYS; }

#endif
