// The mutex of the system's threads library, for Condition.swift too.
//
// Why not `Mutex` of Synchronization: its priority-inheriting futex hands over from thread to thread. With 16 threads
// on 2 cores that costs 20–30 µs an acquisition, and this one costs a fraction. It also has no condition to wait on.
//
// Why `@unchecked Sendable` and unsafe pointers are right: `Lock` and `Condition` hold nothing but a heap address that
// never changes. Only pthread calls touch its content, and these are made to be called from any thread.

internal import SystemC

/// A mutual exclusion lock. Not recursive.
package final class Lock: @unchecked Sendable {
    let mutex: UnsafeMutablePointer<pthread_mutex_t>

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
