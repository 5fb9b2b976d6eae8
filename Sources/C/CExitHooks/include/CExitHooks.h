/*
 * What ExitHooks cannot do in Swift: signal handlers, the exit gate, fork, and the lock that all of it shares.
 *
 * Rule: code that can run inside a signal handler uses only async-signal-safe calls and lock-free atomics on static
 * memory. It takes no lock, allocates nothing and calls no Swift. Everything else here runs on ordinary threads.
 *
 * Files: process.c (lock, threads, fork, exit gate), signals.c (handled signals), crash.c (fatal signals).
 */
#ifndef BACKSTAY_CEXITHOOKS_H
#define BACKSTAY_CEXITHOOKS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- Lock, clock, threads ---------------------------------------------------------------------------------------- */

/* One process-wide lock with one condition. Held for a few instructions only; no code of others is called under it. */
void backstay_lock(void);
void backstay_unlock(void);
void backstay_broadcast(void);
/* Waits with the lock held. False once `deadline` (nanoseconds of backstay_now) has passed. */
bool backstay_wait_until(uint64_t deadline);

/* Monotonic nanoseconds. Async-signal-safe. */
uint64_t backstay_now(void);

/* An exit thread: takes no signals. A hook thread: has the signal mask of the program. */
enum backstay_thread_kind { backstay_exit_thread, backstay_hook_thread };

/* Starts a detached thread. Returns 0 or an errno value. */
int backstay_spawn(enum backstay_thread_kind kind, void (*body)(void *), void *context);

/* Differs between any two threads that live at the same time. */
uint64_t backstay_thread_identity(void);

/* The hook that the calling thread runs; 0 for none. */
uint64_t backstay_current_hook(void);
void backstay_set_current_hook(uint64_t hook);

/* ---- Process ----------------------------------------------------------------------------------------------------- */

/*
 * Once per process: takes ownership, watches fork. `gate` is called on the thread that called exit(), with its status
 * if the C library tells it. `forked` is called in a forked child, under the lock, before fork() returns.
 */
void backstay_start(void (*gate)(int status, bool known), void (*forked)(void));

/* True in the process that started us, or that a fork made an owner of its own, empty registry. Async-signal-safe. */
bool backstay_is_owner(void);

/* Puts the gate on the C library's list of exit handlers (again). */
void backstay_list_gate(void);

void backstay_flush_stdout(void);
/* Waits at most `milliseconds` for room, then writes at most 4,096 bytes to stderr. Returns the bytes written. */
int64_t backstay_say(const void *bytes, uint64_t count, int milliseconds);

/* ---- Handled signals --------------------------------------------------------------------------------------------- */

/* Two deliveries of one signal closer than this count as one: a terminal and a wrapper often send one Ctrl+C twice. */
#define BACKSTAY_SAME_SIGNAL_NANOSECONDS 250000000ull

/* Wakes the exit thread. Async-signal-safe. */
void backstay_wake(void);
/* Exit thread only: sleeps until woken, returns the set of signals that arrived (bit n: signal n). */
uint64_t backstay_wait_wake(void);
/* Waits until previous handlers have ended, for 100 ms at most: one that has called exit() never ends. */
void backstay_await_handlers(void);
/* The body of the thread on which handled signals are never blocked. */
_Noreturn void backstay_take_signals(void);

enum backstay_install { backstay_installed, backstay_respected_ignore, backstay_refused };
/* Under the lock. Installs the handler, chained to the one that was found. SIG_IGN is left as it is. */
enum backstay_install backstay_handle_signal(int signal);
/* Under the lock. Puts back what was found, or turns our handler into a mere link if another was put on top of it. */
void backstay_release_signal(int signal);
/* The signal is dealt with: this delivery has not ended the process, and the next one counts as a first one again. */
void backstay_forget_signal(int signal);

/* Ends the process as the signal's default action would. No signal ends PID 1, so PID 1 exits with status 128 + n.
 * Async-signal-safe. */
_Noreturn void backstay_end_by_signal(int signal);

/* ---- Crash marks ------------------------------------------------------------------------------------------------- */

/*
 * A mark in a shared mapping, 8-byte aligned, which is read after the process is gone. On disk: the layout stays.
 * Each field is written by one aligned 8-byte store. `signal` is written last, with release order: if it is nonzero,
 * code, address and thread are valid.
 */
struct backstay_crash_mark {
    uint64_t armed;          /* 1 while fatal signals are being marked */
    uint64_t signal;         /* the fatal signal */
    uint64_t code;           /* its si_code */
    uint64_t address;        /* the address that faulted; 0 if the signal was sent */
    uint64_t thread;         /* the kernel's thread id */
    uint64_t handled_signal; /* the last handled signal that was delivered and that no scope has dealt with */
    uint64_t reserved[2];
};
_Static_assert(sizeof(struct backstay_crash_mark) == 64, "the crash mark is 64 bytes");

#define BACKSTAY_CRASH_MARKS_MAX 64

/* False if all places are taken. The memory must stay valid until backstay_remove_crash_mark has returned. */
bool backstay_add_crash_mark(struct backstay_crash_mark *mark);
void backstay_remove_crash_mark(struct backstay_crash_mark *mark);
/* Under the lock. Installs the handlers for fatal signals, chained to those that were found. Once is enough. */
void backstay_mark_crashes(void);
bool backstay_marks_crashes(void);

#endif
