// Many threads doing the same at once, for `backstay bench`.

internal import Synchronization
internal import WriteAheadJournal

enum Crowd {
    /// Set once, when the threads are done or one has failed.
    private final class State: Sendable {
        let isDone = Atomic<Bool>(false)
        let hasFailed = Atomic<Bool>(false)
    }

    struct Failed: Error {}

    /// Seconds until the last of so many threads has run `body`. Meanwhile one more runs `other` again and again, with
    /// 0, 1, 2, …
    static func seconds(
        _ threads: Int, _ body: @escaping @Sendable (Int) throws -> Void,
        beside other: (@Sendable (Int) throws -> Void)?
    ) throws -> Double {
        let state = State()
        var beside: WorkerThread?
        if let other {
            beside = try WorkerThread("bench-beside") {
                var count = 0
                while !state.isDone.load(ordering: .relaxed) {
                    do { try other(count) } catch { state.hasFailed.store(true, ordering: .relaxed) }
                    count += 1
                }
            }
        }
        let seconds = try Stopwatch.seconds {
            let all = try (0..<threads).map { thread in
                try WorkerThread("bench-crowd") {
                    do { try body(thread) } catch { state.hasFailed.store(true, ordering: .relaxed) }
                }
            }
            for thread in all { thread.join() }
        }
        state.isDone.store(true, ordering: .relaxed)
        beside?.join()
        if state.hasFailed.load(ordering: .relaxed) { throw Failed() }
        return seconds
    }
}
