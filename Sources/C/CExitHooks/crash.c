/*
 * Fatal signals: mark the cause in every registered page, then do what would have happened without us.
 *
 * Rules:
 *   1. One thread marks. Others that crash meanwhile wait for it, a little, so that their end does not cut it short.
 *   2. A store into a page can fault in turn, if the page's device is full or gone. The handler then ends the process
 *      at once, by the first signal.
 *   3. A page is not touched after backstay_remove_crash_mark for it has returned. Removal empties the place, then
 *      waits until no handler is among the pages.
 */
#include "internal.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#else
#include <pthread.h>
#endif

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS};
enum { fatal_count = sizeof fatal / sizeof fatal[0], signals = 64 };

static _Atomic(struct backstay_crash_mark *) marks[BACKSTAY_CRASH_MARKS_MAX];
static _Atomic(uint64_t) visitors; /* handlers that are among the pages */
static _Atomic(bool) in_force;
static struct sigaction found_before[signals];

static _Atomic(uint64_t) crashing; /* the thread that marks; 0 for none */
static _Atomic(int) crash_signal;
static _Atomic(bool) marked;

static void put(uint64_t *field, uint64_t value) { __atomic_store_n(field, value, __ATOMIC_RELEASE); }

/* ---- Pages ---- */

bool backstay_add_crash_mark(struct backstay_crash_mark *mark) {
    for (int i = 0; i < BACKSTAY_CRASH_MARKS_MAX; i++) {
        struct backstay_crash_mark *empty = NULL;
        if (!atomic_compare_exchange_strong(&marks[i], &empty, mark)) continue;
        if (atomic_load(&in_force)) put(&mark->armed, 1);
        return true;
    }
    return false;
}

void backstay_remove_crash_mark(struct backstay_crash_mark *mark) {
    for (int i = 0; i < BACKSTAY_CRASH_MARKS_MAX; i++) {
        struct backstay_crash_mark *expected = mark;
        atomic_compare_exchange_strong(&marks[i], &expected, NULL);
    }
    while (atomic_load(&visitors) != 0) sched_yield();
}

void backstay_note_handled_signal(int signal) {
    atomic_fetch_add(&visitors, 1);
    for (int i = 0; i < BACKSTAY_CRASH_MARKS_MAX; i++) {
        struct backstay_crash_mark *mark = atomic_load(&marks[i]);
        if (mark != NULL) put(&mark->handled_signal, (uint64_t)signal);
    }
    atomic_fetch_sub(&visitors, 1);
}

void backstay_unnote_handled_signal(int signal) {
    atomic_fetch_add(&visitors, 1);
    for (int i = 0; i < BACKSTAY_CRASH_MARKS_MAX; i++) {
        struct backstay_crash_mark *mark = atomic_load(&marks[i]);
        if (mark == NULL) continue;
        if (__atomic_load_n(&mark->handled_signal, __ATOMIC_ACQUIRE) == (uint64_t)signal) put(&mark->handled_signal, 0);
    }
    atomic_fetch_sub(&visitors, 1);
}

static void mark_all(int signal, const siginfo_t *info, uint64_t thread) {
    /* si_code above zero: raised by the kernel, so that si_addr is an address. */
    bool has_address = info->si_code > 0 && signal != SIGABRT && signal != SIGSYS;
    atomic_fetch_add(&visitors, 1);
    for (int i = 0; i < BACKSTAY_CRASH_MARKS_MAX; i++) {
        struct backstay_crash_mark *mark = atomic_load(&marks[i]);
        if (mark == NULL) continue;
        put(&mark->code, (uint64_t)(int64_t)info->si_code);
        put(&mark->address, has_address ? (uint64_t)(uintptr_t)info->si_addr : 0);
        put(&mark->thread, thread);
        put(&mark->signal, (uint64_t)signal);
    }
    atomic_fetch_sub(&visitors, 1);
}

static void unmark_all(void) {
    atomic_fetch_add(&visitors, 1);
    for (int i = 0; i < BACKSTAY_CRASH_MARKS_MAX; i++) {
        struct backstay_crash_mark *mark = atomic_load(&marks[i]);
        if (mark != NULL) put(&mark->signal, 0);
    }
    atomic_fetch_sub(&visitors, 1);
}

/* ---- Handler ---- */

static uint64_t thread_number(void) {
#if defined(__linux__)
    return (uint64_t)syscall(SYS_gettid);
#else
    uint64_t number = 0;
    pthread_threadid_np(NULL, &number);
    return number;
#endif
}

static void on_crash(int signal, siginfo_t *info, void *context);

static bool is_installed(int signal) {
    struct sigaction now;
    sigaction(signal, NULL, &now);
    return (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_crash;
}

static void on_crash(int signal, siginfo_t *info, void *context) {
    int saved = errno;
    const struct sigaction *previous = &found_before[signal];
    bool marking = false;
    if (backstay_is_owner()) {
        uint64_t thread = thread_number(), other = 0;
        if (atomic_compare_exchange_strong(&crashing, &other, thread)) {
            marking = true;
            atomic_store(&crash_signal, signal);
            mark_all(signal, info, thread);
            atomic_store(&marked, true);
        } else if (other == thread) {
            if (!atomic_load(&marked)) backstay_end_by_signal(atomic_load(&crash_signal));
        } else {
            uint64_t patience = backstay_now() + 100000000ull;
            while (!atomic_load(&marked) && backstay_now() < patience) sched_yield();
        }
    }
    if (backstay_is_function(previous)) {
        backstay_pass_on(signal, info, context, previous);
        /* It came back. If it also left our handler in place, it has removed the cause, and the program goes on.
         * One that gave up has put the default back. (After SIGABRT, abort() ends the process whatever handlers
         * do.) */
        if (marking && signal != SIGABRT && is_installed(signal)) {
            unmark_all();
            atomic_store(&marked, false);
            atomic_store(&crashing, 0);
        }
    } else {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(signal, &action, NULL);
        /* A fault comes again when its instruction is repeated, and the core then shows the true place. A trap, a
         * refused system call and a signal that was sent do not come again. */
        bool repeats = info->si_code > 0 && signal != SIGTRAP && signal != SIGSYS && signal != SIGABRT;
        if (!repeats) raise(signal);
    }
    errno = saved;
}

/* ---- Installing ---- */

/* A stack overflow can only be handled on another stack. Threads that made one keep it. */
static void give_thread_a_signal_stack(void) {
    stack_t stack;
    if (sigaltstack(NULL, &stack) != 0 || !(stack.ss_flags & SS_DISABLE)) return;
    size_t size = 64 * 1024;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (memory == MAP_FAILED) return;
    stack = (stack_t){.ss_sp = memory, .ss_size = size};
    if (sigaltstack(&stack, NULL) != 0) munmap(memory, size);
}

void backstay_mark_crashes(void) {
    if (atomic_load(&in_force)) return;
    give_thread_a_signal_stack();
    for (int i = 0; i < fatal_count; i++) {
        struct sigaction found;
        if (sigaction(fatal[i], NULL, &found) != 0) continue;
        if (!(found.sa_flags & SA_SIGINFO) && found.sa_handler == SIG_IGN) continue;
        found_before[fatal[i]] = found;
        struct sigaction action = {.sa_sigaction = on_crash};
        /* The handler that was found runs inside ours, so it gets the signal mask that it asked for. Swift's
         * backtracer starts its helper there. If the signal were blocked, the helper's own fault would kill the
         * process half-way. */
        action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | (found.sa_flags & SA_NODEFER);
        action.sa_mask = found.sa_mask;
        sigaction(fatal[i], &action, NULL);
    }
    atomic_store(&in_force, true);
    atomic_fetch_add(&visitors, 1);
    for (int i = 0; i < BACKSTAY_CRASH_MARKS_MAX; i++) {
        struct backstay_crash_mark *mark = atomic_load(&marks[i]);
        if (mark != NULL) put(&mark->armed, 1);
    }
    atomic_fetch_sub(&visitors, 1);
}

bool backstay_marks_crashes(void) { return atomic_load(&in_force); }

void backstay_crash_forked(void) {
    /* The pages are the parent's, and need not even be mapped here. */
    for (int i = 0; i < BACKSTAY_CRASH_MARKS_MAX; i++) atomic_store(&marks[i], NULL);
    atomic_store(&visitors, 0);
    atomic_store(&crashing, 0);
    atomic_store(&marked, false);
    if (!atomic_load(&in_force)) return;
    for (int i = 0; i < fatal_count; i++)
        if (is_installed(fatal[i])) sigaction(fatal[i], &found_before[fatal[i]], NULL);
    atomic_store(&in_force, false);
}
