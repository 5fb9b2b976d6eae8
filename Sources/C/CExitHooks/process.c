/*
 * The lock, threads, fork and the exit gate.
 *
 * Rule: two kinds of process own the registry:
 *   - a process that called backstay_start;
 *   - a child of fork() that went through forked_child, which leaves it with an empty registry of its own.
 * Anything else that shares our memory image (vfork, a bare clone) has another pid and is told "not the owner". It runs
 * no hook, waits for nothing, and marks nothing.
 */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- Lock and clock ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition;

static void make_condition(void) {
#if defined(__APPLE__)
    pthread_cond_init(&condition, NULL);
#else
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&condition, &attributes);
    pthread_condattr_destroy(&attributes);
#endif
}

void backstay_lock(void) { pthread_mutex_lock(&lock); }
void backstay_unlock(void) { pthread_mutex_unlock(&lock); }
void backstay_broadcast(void) { pthread_cond_broadcast(&condition); }

uint64_t backstay_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

bool backstay_wait_until(uint64_t deadline) {
    uint64_t now = backstay_now();
    if (now >= deadline) return false;
#if defined(__APPLE__)
    uint64_t left = deadline - now;
    struct timespec time = {(time_t)(left / 1000000000ull), (long)(left % 1000000000ull)};
    return pthread_cond_timedwait_relative_np(&condition, &lock, &time) != ETIMEDOUT;
#else
    struct timespec time = {(time_t)(deadline / 1000000000ull), (long)(deadline % 1000000000ull)};
    return pthread_cond_timedwait(&condition, &lock, &time) != ETIMEDOUT;
#endif
}

/* ---- Threads ---- */

static _Thread_local uint64_t current_hook;

uint64_t backstay_thread_identity(void) { return (uint64_t)(uintptr_t)&current_hook; }
uint64_t backstay_current_hook(void) { return current_hook; }
void backstay_set_current_hook(uint64_t hook) { current_hook = hook; }

/* The program's own signal mask, as of the first use. Hooks may start programs, which inherit the mask. */
static sigset_t program_mask;

struct start {
    enum backstay_thread_kind kind;
    void (*body)(void *);
    void *context;
};

static void *thread_main(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    if (start.kind == backstay_hook_thread) pthread_sigmask(SIG_SETMASK, &program_mask, NULL);
    start.body(start.context);
    return NULL;
}

int backstay_spawn(enum backstay_thread_kind kind, void (*body)(void *), void *context) {
    struct start *start = malloc(sizeof *start);
    if (start == NULL) return ENOMEM;
    *start = (struct start){kind, body, context};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    /* The thread starts with all signals blocked: one that arrives before thread_main has set the mask must go
     * elsewhere. Faults stay open, because a blocked one kills without a handler. So does SIGPROF, by which Swift's
     * backtracer stops threads. */
    sigset_t all, before;
    sigfillset(&all);
    const int open[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS, SIGPROF};
    for (unsigned i = 0; i < sizeof open / sizeof open[0]; i++) sigdelset(&all, open[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error != 0) free(start);
    return error;
}

/* ---- Process ---- */

static _Atomic(pid_t) owner;
static void (*gate_body)(int, bool);
static void (*forked_body)(void);

bool backstay_is_owner(void) { return atomic_load(&owner) == getpid(); }

static void before_fork(void) { backstay_lock(); }
static void forked_parent(void) { backstay_unlock(); }

static void forked_child(void) {
    /* The exit thread and all waiters stayed behind in the parent, so the condition starts anew. */
    make_condition();
    backstay_signals_forked();
    backstay_crash_forked();
    current_hook = 0;
    forked_body();
    atomic_store(&owner, getpid());
    backstay_unlock();
}

void backstay_start(void (*gate)(int, bool), void (*forked)(void)) {
    gate_body = gate;
    forked_body = forked;
    make_condition();
    pthread_sigmask(SIG_SETMASK, NULL, &program_mask);
    backstay_signals_start();
    atomic_store(&owner, getpid());
    pthread_atfork(before_fork, forked_parent, forked_child);
    /* exit() takes the gate off the list before it calls it. Until the gate has put itself back, another thread's
     * exit() would find no gate and end the process. So there are spare gates, one for each thread that may come in
     * that moment. Each costs a call at the end. */
    for (int i = 0; i < 64; i++) backstay_list_gate();
}

#if defined(__GLIBC__)
static void gate(int status, void *unused) {
    (void)unused;
    if (backstay_is_owner()) gate_body(status & 0xff, true);
}
void backstay_list_gate(void) { on_exit(gate, NULL); }
#else
/* Only glibc tells an exit handler the status. */
static void gate(void) {
    if (backstay_is_owner()) gate_body(0, false);
}
void backstay_list_gate(void) { atexit(gate); }
#endif

void backstay_flush_stdout(void) { fflush(stdout); }

int64_t backstay_say(const void *bytes, uint64_t count, int milliseconds) {
    /* A pipe that polls as writable takes 4,096 bytes without blocking (PIPE_BUF). */
    struct pollfd descriptor = {2, POLLOUT, 0};
    if (poll(&descriptor, 1, milliseconds) != 1 || descriptor.revents != POLLOUT) return 0; /* an error: no reader */
    ssize_t written = write(2, bytes, count < 4096 ? count : 4096);
    return written < 0 ? 0 : written;
}
