/*
 * Handled signals: INT, TERM, HUP and the like.
 *
 * The handler notes the signal, wakes the exit thread and calls the handler that was there before. Hooks never run in
 * it. The exit thread is woken through a semaphore, not a pipe. Some programs close "all" descriptors (daemons do)
 * and then open their own. Such a program would find a pipe's bytes in its file.
 *
 * Rule: entries[n].previous is valid before our handler for n is installed, and does not change while it is.
 */
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <mach/mach.h>
typedef semaphore_t our_semaphore;
static void semaphore_start(our_semaphore *it) { semaphore_create(mach_task_self(), it, SYNC_POLICY_FIFO, 0); }
static void semaphore_post(our_semaphore *it) { semaphore_signal(*it); }
static void semaphore_wait_for(our_semaphore *it) { while (semaphore_wait(*it) != KERN_SUCCESS) {} }
#else
#include <semaphore.h>
typedef sem_t our_semaphore;
static void semaphore_start(our_semaphore *it) { sem_init(it, 0, 0); }
static void semaphore_post(our_semaphore *it) { sem_post(it); }
static void semaphore_wait_for(our_semaphore *it) { while (sem_wait(it) != 0 && errno == EINTR) {} }
#endif

static our_semaphore wake;    /* for the exit thread */
static our_semaphore changed; /* for the thread that takes signals: `wanted` has changed */

#define SIGNALS 64 /* a bit each in a set of 64 */

enum { absent, handling, linked };

static struct {
    struct sigaction previous;
    _Atomic(uint64_t) first; /* when the first delivery came; 0 for none yet */
    _Atomic(int) state;      /* linked: released, but another handler still calls ours */
} entries[SIGNALS];

static _Atomic(uint64_t) arrived;
static _Atomic(uint64_t) in_previous; /* threads that are in the handler, or in a previous one called by it */
static _Atomic(uint64_t) wanted; /* the signals with state `handling` */

void backstay_signals_start(void) {
    semaphore_start(&wake);
    semaphore_start(&changed);
}

void backstay_wake(void) { semaphore_post(&wake); }

uint64_t backstay_wait_wake(void) {
    semaphore_wait_for(&wake);
    return atomic_exchange(&arrived, 0);
}

/* A program may have all handled signals blocked, because its parent had. It asked for them to be handled, so this
 * thread lets them in. Others stay blocked here: they may be meant for a sigwait() elsewhere. The thread holds no
 * lock and waits for nothing else: previous handlers that run on it may do what handlers must not, such as calling
 * exit(). */
_Noreturn void backstay_take_signals(void) {
    sigset_t closed;
    pthread_sigmask(SIG_SETMASK, NULL, &closed);
    while (true) {
        sigset_t mask = closed;
        uint64_t bits = atomic_load(&wanted);
        for (int n = 1; n < SIGNALS; n++)
            if (bits >> n & 1) sigdelset(&mask, n);
        pthread_sigmask(SIG_SETMASK, &mask, NULL);
        semaphore_wait_for(&changed);
    }
}

bool backstay_is_function(const struct sigaction *action) {
    if (action->sa_flags & SA_SIGINFO) return action->sa_sigaction != NULL;
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* Does what would have happened without us. Called in a handler. */
void backstay_pass_on(int signal, siginfo_t *info, void *context, const struct sigaction *previous) {
    if (backstay_is_function(previous)) {
        if (previous->sa_flags & SA_SIGINFO)
            previous->sa_sigaction(signal, info, context);
        else
            previous->sa_handler(signal);
    } else if (previous->sa_handler == SIG_DFL) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(signal, &action, NULL);
        raise(signal); /* blocked while its handler runs: ends the process when the handler returns */
    }
}

_Noreturn void backstay_end_by_signal(int signal) {
    if (getpid() != 1) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(signal, &action, NULL);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, signal);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        raise(signal);
    }
    _exit(128 + signal);
}

static void on_signal(int signal, siginfo_t *info, void *context) {
    int saved = errno;
    struct sigaction *previous = &entries[signal].previous;
    if (atomic_load(&entries[signal].state) != handling || !backstay_is_owner()) {
        backstay_pass_on(signal, info, context, previous);
        errno = saved;
        return;
    }
    atomic_fetch_add(&in_previous, 1);
    uint64_t now = backstay_now(), first = 0;
    if (atomic_compare_exchange_strong(&entries[signal].first, &first, now)) {
        backstay_note_handled_signal(signal);
        atomic_fetch_or(&arrived, 1ull << signal);
        backstay_wake();
    } else if (now > first && now - first >= BACKSTAY_SAME_SIGNAL_NANOSECONDS) {
        backstay_end_by_signal(signal);
    }
    if (backstay_is_function(previous)) backstay_pass_on(signal, info, context, previous);
    atomic_fetch_sub(&in_previous, 1);
    errno = saved;
}

void backstay_await_handlers(void) {
    const struct timespec pause = {0, 1000000};
    for (int i = 0; i < 100 && atomic_load(&in_previous) != 0; i++) nanosleep(&pause, NULL);
}

static bool is_ours(const struct sigaction *action) {
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_signal;
}

enum backstay_install backstay_handle_signal(int signal) {
    if (signal < 1 || signal >= SIGNALS) return backstay_refused;
    struct sigaction found;
    if (sigaction(signal, NULL, &found) != 0) return backstay_refused;
    if (atomic_load(&entries[signal].state) == linked && (is_ours(&found) || backstay_is_function(&found))) {
        /* The handler on top of ours is assumed to call ours still. If ours were installed above it, each would
         * call the other. */
        atomic_store(&entries[signal].first, 0);
    } else {
        if (!(found.sa_flags & SA_SIGINFO) && found.sa_handler == SIG_IGN)
            return backstay_respected_ignore;
        entries[signal].previous = found;
        atomic_store(&entries[signal].first, 0);
        struct sigaction action = {.sa_sigaction = on_signal};
        action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
        action.sa_mask = found.sa_mask;
        if (sigaction(signal, &action, NULL) != 0) return backstay_refused;
    }
    atomic_store(&entries[signal].state, handling);
    atomic_fetch_or(&wanted, 1ull << signal);
    semaphore_post(&changed);
    return backstay_installed;
}

void backstay_release_signal(int signal) {
    if (atomic_load(&entries[signal].state) != handling) return;
    atomic_fetch_and(&wanted, ~(1ull << signal));
    semaphore_post(&changed);
    struct sigaction found;
    sigaction(signal, NULL, &found);
    if (is_ours(&found)) {
        sigaction(signal, &entries[signal].previous, NULL);
        atomic_store(&entries[signal].state, absent);
    } else {
        atomic_store(&entries[signal].state, linked);
    }
}

void backstay_forget_signal(int signal) {
    backstay_unnote_handled_signal(signal);
    atomic_store(&entries[signal].first, 0);
}

void backstay_signals_forked(void) {
    for (int n = 1; n < SIGNALS; n++) backstay_release_signal(n);
    atomic_store(&arrived, 0);
    atomic_store(&in_previous, 0);
    backstay_signals_start();
}
