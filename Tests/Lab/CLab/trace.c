/*
 * The tracer: ptrace(2) with a seccomp filter that stops the program at the calls in `watched` only.
 *
 * It is a process of its own, so that waiting for any traced thread takes no child away from the program that started it.
 * Between fork and exec, and in the tracer, nothing is called that a forked child of a program with threads may not call.
 *
 * Since Linux 4.8 the stop for the filter comes between those for entry and exit of the call (ptrace(2)): resumed with
 * PTRACE_SYSCALL, the thread stops next at the exit of this very call. A call whose number is set to -1 is not made.
 */
#include "trace.h"

#include <sys/mman.h>
#include <stddef.h>

struct backstay_trace_result *backstay_trace_result_new(void) {
    void *memory = mmap(NULL, sizeof(struct backstay_trace_result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void backstay_trace_result_free(struct backstay_trace_result *result) {
    if (result != NULL) munmap(result, sizeof *result);
}

#if defined(__linux__) && defined(__x86_64__)

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    int number;
    const char *name;
    bool takes_descriptor; /* its first argument is one */
} watched[] = {
    {SYS_openat, "openat", false},
    {SYS_open, "open", false},
    {SYS_close, "close", true},
    {SYS_read, "read", true},
    {SYS_pread64, "pread64", true},
    {SYS_write, "write", true},
    {SYS_pwrite64, "pwrite64", true},
    {SYS_writev, "writev", true},
    {SYS_pwritev, "pwritev", true},
    {SYS_ftruncate, "ftruncate", true},
    {SYS_fallocate, "fallocate", true},
    {SYS_fsync, "fsync", true},
    {SYS_fdatasync, "fdatasync", true},
    {SYS_sync_file_range, "sync_file_range", true},
    {SYS_msync, "msync", false},
    {SYS_madvise, "madvise", false},
    {SYS_rename, "rename", false},
    {SYS_renameat, "renameat", false},
    {SYS_renameat2, "renameat2", false},
    {SYS_unlink, "unlink", false},
    {SYS_unlinkat, "unlinkat", false},
    {SYS_rmdir, "rmdir", false},
    {SYS_mkdir, "mkdir", false},
    {SYS_mkdirat, "mkdirat", false},
    {SYS_link, "link", false},
    {SYS_linkat, "linkat", false},
    {SYS_symlink, "symlink", false},
    {SYS_flock, "flock", true},
    {SYS_fcntl, "fcntl", true},
    {SYS_ioctl, "ioctl", true},
    {SYS_copy_file_range, "copy_file_range", true},
    {SYS_sendfile, "sendfile", true},
    {SYS_fstat, "fstat", true},
    {SYS_stat, "stat", false},
    {SYS_lstat, "lstat", false},
    {SYS_newfstatat, "newfstatat", false},
    {SYS_statfs, "statfs", false},
    {SYS_fstatfs, "fstatfs", true},
    {SYS_fchmod, "fchmod", true},
    {SYS_mmap, "mmap", false},
};
enum { watched_count = sizeof watched / sizeof watched[0] };

const char *backstay_trace_name(long number) {
    for (int i = 0; i < watched_count; i++)
        if (watched[i].number == number) return watched[i].name;
    return NULL;
}

static bool takes_descriptor(long number) {
    for (int i = 0; i < watched_count; i++)
        if (watched[i].number == number) return watched[i].takes_descriptor;
    return false;
}

/* ---- The program ---- */

static bool install_filter(void) {
    /* Architecture, number, then one comparison a call; what matches stops. */
    struct sock_filter code[4 + 2 * watched_count + 1];
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < watched_count; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)watched[i].number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void become(
    const char *program, char *const arguments[], char *const environment[], int output, int errors) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) _exit(126);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(126);
    raise(SIGSTOP); /* The tracer sets its options. */
    if (!install_filter()) _exit(126);
    execve(program, arguments, environment);
    _exit(127);
}

/* ---- The tracer ---- */

enum { threads_max = 256 };

/* A thread between entry and exit of a call that is waited for. */
struct pending {
    pid_t thread;
    bool fails, kills;
    struct __ptrace_syscall_info entry;
};

struct tracer {
    pid_t program;
    const struct backstay_trace_plan *plan;
    struct backstay_trace_result *result;
    int log;
    bool has_begun;
    pid_t seen[threads_max]; /* threads that had their first stop */
    struct pending pending[threads_max];
};

static struct pending *pending_of(struct tracer *tracer, pid_t thread, bool add) {
    for (int i = 0; i < threads_max; i++)
        if (tracer->pending[i].thread == thread) return &tracer->pending[i];
    for (int i = 0; add && i < threads_max; i++)
        if (tracer->pending[i].thread == 0) {
            tracer->pending[i].thread = thread;
            return &tracer->pending[i];
        }
    return NULL;
}

static bool is_first_stop(struct tracer *tracer, pid_t thread) {
    for (int i = 0; i < threads_max; i++) {
        if (tracer->seen[i] == thread) return false;
        if (tracer->seen[i] == 0) {
            tracer->seen[i] = thread;
            return true;
        }
    }
    return false;
}

/* The file a call is about: behind its descriptor. */
static void describe(pid_t thread, const struct __ptrace_syscall_info *entry, char *text, size_t size) {
    text[0] = 0;
    if (!takes_descriptor((long)entry->entry.nr)) return;
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", thread, (int)entry->entry.args[0]);
    ssize_t length = readlink(link, text, size - 1);
    text[length < 0 ? 0 : length] = 0;
}

/* One line: thread, name, result, arguments but the first, the file, and of what is written to a pipe its beginning. */
static void write_down(struct tracer *tracer, pid_t thread, const struct __ptrace_syscall_info *entry, long returned) {
    char target[96], begin[33] = "", line[320];
    long number = (long)entry->entry.nr;
    describe(thread, entry, target, sizeof target);
    if (number == SYS_write && strncmp(target, "pipe:", 5) == 0) {
        size_t count = entry->entry.args[2] < sizeof begin - 1 ? entry->entry.args[2] : sizeof begin - 1;
        struct iovec ours = {begin, count}, theirs = {(void *)(uintptr_t)entry->entry.args[1], count};
        ssize_t got = process_vm_readv(thread, &ours, 1, &theirs, 1, 0);
        begin[got < 0 ? 0 : got] = 0;
        for (char *at = begin; *at != 0; at++)
            if (*at == '\n') *at = ';';
    }
    const char *name = backstay_trace_name(number);
    int length = snprintf(
        line, sizeof line, "%d %s %ld %llu %llu %llu %s %s\n", thread, name == NULL ? "?" : name, returned,
        (unsigned long long)entry->entry.args[1], (unsigned long long)entry->entry.args[2],
        (unsigned long long)entry->entry.args[3], target[0] ? target : "-", begin);
    if (length > 0 && write(tracer->log, line, (size_t)length) < 0) tracer->log = -1;
}

static void kill_all(struct tracer *tracer) { kill(tracer->program, SIGKILL); }

/* A thread enters a watched call. Returns how it goes on. */
static int on_entry(struct tracer *tracer, pid_t thread) {
    const struct backstay_trace_plan *plan = tracer->plan;
    struct __ptrace_syscall_info info;
    memset(&info, 0, sizeof info);
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0) return PTRACE_CONT;
    /* What the program tells its parent is not what is examined, and its first word ends its own start. */
    bool tells = info.seccomp.nr == SYS_write && info.seccomp.args[0] == STDOUT_FILENO;
    tracer->has_begun = tracer->has_begun || tells;
    if (!tracer->has_begun) return PTRACE_CONT;
    uint64_t index = tells ? 0 : ++tracer->result->calls;
    bool is_struck = !tells && plan->action != BACKSTAY_TRACE_COUNT && index == plan->index;
    bool fails = !tells && plan->action == BACKSTAY_TRACE_FAIL
        && (is_struck || (plan->sticky && tracer->result->struck && (long)info.seccomp.nr == tracer->result->number));
    /* The two layouts agree but for what follows the arguments. */
    struct __ptrace_syscall_info entry = info;
    entry.entry.nr = info.seccomp.nr;
    if (is_struck) {
        tracer->result->struck = 1;
        tracer->result->number = (long)info.seccomp.nr;
        describe(thread, &entry, tracer->result->target, sizeof tracer->result->target);
    }
    if (is_struck && plan->action == BACKSTAY_TRACE_KILL_BEFORE) {
        kill_all(tracer);
        return PTRACE_CONT;
    }
    bool kills = is_struck && plan->action == BACKSTAY_TRACE_KILL_AFTER;
    if (!fails && !kills && tracer->log < 0) return PTRACE_CONT;
    struct pending *pending = pending_of(tracer, thread, true);
    if (pending == NULL) return PTRACE_CONT;
    pending->fails = fails;
    pending->kills = kills;
    pending->entry = entry;
    if (fails) {
        struct user_regs_struct registers;
        if (ptrace(PTRACE_GETREGS, thread, 0, &registers) == 0) {
            registers.orig_rax = (unsigned long long)-1;
            ptrace(PTRACE_SETREGS, thread, 0, &registers);
        }
    }
    return PTRACE_SYSCALL;
}

static void on_exit_of_call(struct tracer *tracer, pid_t thread) {
    struct pending *pending = pending_of(tracer, thread, false);
    if (pending == NULL) return;
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, thread, 0, &registers) == 0) {
        if (pending->fails) {
            registers.rax = (unsigned long long)-(long)tracer->plan->error;
            ptrace(PTRACE_SETREGS, thread, 0, &registers);
        }
        if (tracer->log >= 0) write_down(tracer, thread, &pending->entry, (long)registers.rax);
    }
    if (pending->kills) kill_all(tracer);
    pending->thread = 0;
}

static void follow(struct tracer *tracer) {
    for (;;) {
        int status = 0;
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0) {
            if (errno == EINTR) continue;
            return;
        }
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread == tracer->program) tracer->result->status = status;
            struct pending *pending = pending_of(tracer, thread, false);
            if (pending != NULL) pending->thread = 0;
            continue;
        }
        if (!WIFSTOPPED(status)) continue;
        int signal = WSTOPSIG(status), event = status >> 16, pass = 0, how = PTRACE_CONT;
        if (event == PTRACE_EVENT_SECCOMP) {
            how = on_entry(tracer, thread);
        } else if (signal == (SIGTRAP | 0x80)) {
            on_exit_of_call(tracer, thread);
        } else if (event == 0 && !(signal == SIGSTOP && is_first_stop(tracer, thread))) {
            pass = signal;
        }
        ptrace(how, thread, 0, pass);
    }
}

int backstay_trace_start(
    const char *program, char *const arguments[], char *const environment[], int output, int errors,
    const struct backstay_trace_plan *plan, struct backstay_trace_result *result) {
    pid_t tracer_id = fork();
    if (tracer_id < 0) return BACKSTAY_TRACE_FAILED;
    if (tracer_id > 0) return tracer_id;
    /* Signals of a terminal are the caller's business. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    static struct tracer tracer;
    tracer.plan = plan;
    tracer.result = result;
    tracer.log = plan->log == NULL ? -1 : open(plan->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    tracer.program = fork();
    if (tracer.program == 0) become(program, arguments, environment, output, errors);
    if (tracer.program < 0) _exit(1);
    close(output); /* Or the reader would wait for us. */
    int status = 0;
    while (waitpid(tracer.program, &status, __WALL) < 0 && errno == EINTR) {}
    if (!WIFSTOPPED(status)) {
        result->status = status;
        _exit(1);
    }
    is_first_stop(&tracer, tracer.program);
    const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK
        | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SETOPTIONS, tracer.program, 0, options) != 0) {
        kill_all(&tracer);
        _exit(1);
    }
    ptrace(PTRACE_CONT, tracer.program, 0, 0);
    follow(&tracer);
    _exit(0);
}

#else

const char *backstay_trace_name(long number) {
    (void)number;
    return NULL;
}

int backstay_trace_start(
    const char *program, char *const arguments[], char *const environment[], int output, int errors,
    const struct backstay_trace_plan *plan, struct backstay_trace_result *result) {
    (void)program, (void)arguments, (void)environment, (void)output, (void)errors, (void)plan, (void)result;
    return BACKSTAY_TRACE_UNSUPPORTED;
}

#endif
