internal import SystemC

/// A condition that threads wait on while they give up a `Lock`. Timed waits count by the monotonic clock.
///
/// Why `@unchecked Sendable` is right: Lock.swift.
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

    /// Waits until woken or until `deadline` (monotonic nanoseconds). False if the time was up.
    @discardableResult
    package func wait(_ lock: Lock, until deadline: UInt64) -> Bool {
        #if canImport(Darwin)
        let now = Clock.monotonicNanoseconds()
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
