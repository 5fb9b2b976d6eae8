// Runs a blocking call on a thread of its own, so that a task waits for it without holding a pool thread.

internal import WriteAheadJournal

enum Offload {
    static func run<R: Sendable>(_ body: @escaping @Sendable () throws(StoreError) -> R) async throws(StoreError) -> R {
        let result: Result<R, StoreError> = await withCheckedContinuation { continuation in
            do throws(StoreError) {
                _ = try WorkerThread("backstay-call") {
                    do throws(StoreError) {
                        continuation.resume(returning: .success(try body()))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }
}
