// A mutex and a condition of the system's threads library.
//
// Why not `Mutex` of Synchronization: its priority-inheriting futex hands over from thread to thread, 20–30 µs an
// acquisition with 16 threads on 2 cores where this one takes a fraction; and it has no condition to wait on.
//
// Why `@unchecked Sendable` is right: both types hold nothing but a heap address that never changes and whose content is
// only ever touched by pthread calls, which are made to be called from any thread.

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
