// A mutex and a condition of the system's threads library.
//
// Why not `Mutex` of Synchronization: its priority-inheriting futex hands over from thread to thread, 20–30 µs an
// acquisition with 16 threads on 2 cores where this one takes a fraction; and it has no condition to wait on.
//
// Why `@unchecked Sendable` is right: both types hold nothing but a heap address that never changes and whose content is
// only ever touched by pthread calls, which are made to be called from any thread.

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// A mutual exclusion lock. Not recursive.
package final class Lock: @unchecked Sendable {
    fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>

    package init() {
        mutex = .allocate(capacity: 1)
        let result = pthread_mutex_init(mutex, nil)
        precondition(result == 0, "pthread_mutex_init failed: \(result)")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @inline(__always) package func lock() { pthread_mutex_lock(mutex) }
    @inline(__always) package func unlock() { pthread_mutex_unlock(mutex) }
    @inline(__always) package func tryLock() -> Bool { pthread_mutex_trylock(mutex) == 0 }

    @inline(__always) package func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        lock()
        defer { unlock() }
        return try body()
    }
}

/// A condition that threads wait on while they give up a `Lock`. Timed waits count by the monotonic clock.
package final class Condition: @unchecked Sendable {
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        condition = .allocate(capacity: 1)
        #if canImport(Darwin)
        pthread_cond_init(condition, nil)
        #else
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
        #endif
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    package func wait(_ lock: Lock) { pthread_cond_wait(condition, lock.mutex) }

    /// Waits until woken or until `deadline` (monotonic nanoseconds). False when the time was up.
    @discardableResult
    package func wait(_ lock: Lock, until deadline: UInt64) -> Bool {
        #if canImport(Darwin)
        let now = Platform.monotonicNanoseconds()
        let left = deadline > now ? deadline - now : 0
        var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        return pthread_cond_timedwait_relative_np(condition, lock.mutex, &time) == 0
        #else
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        return pthread_cond_timedwait(condition, lock.mutex, &time) == 0
        #endif
    }

    package func signal() { pthread_cond_signal(condition) }
    package func broadcast() { pthread_cond_broadcast(condition) }
}

/// A real thread, for work that blocks in the disk.
package final class WorkerThread: @unchecked Sendable {
    private var thread: pthread_t?

    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts the thread. Signals that can be handled elsewhere are blocked in it: they belong to the application's own
    /// threads. Those a fault raises stay open, or the kernel would kill the process without running any handler.
    package init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 1 << 20)
        defer { pthread_attr_destroy(&attributes) }
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&all, fault) }
        // Swift's backtracer stops every thread with this one to look at its stack.
        sigdelset(&all, SIGPROF)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let start = Unmanaged.passRetained(Start(body))
        #if canImport(Darwin)
        var made: pthread_t?
        let result = pthread_create(
            &made, &attributes,
            { argument in
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        #else
        var made = pthread_t()
        let result = pthread_create(
            &made, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        #endif
        pthread_sigmask(SIG_SETMASK, &before, nil)
        guard result == 0 else {
            start.release()
            throw StoreError(
                .ioError, "cannot start the thread \(name): \(Platform.text(of: result)); raise the limit on threads",
                cause: result)
        }
        thread = made
    }

    /// Waits for the thread's end. Call once, from one thread.
    package func join() {
        guard let thread else { return }
        pthread_join(thread, nil)
        self.thread = nil
    }

    deinit {
        if let thread { pthread_detach(thread) }
    }
}
