// A thread whose mounts nobody else sees. The kernel takes them away with the thread and the processes it has started,
// however they end: no run of an attack, killed or not, leaves a mount or a loop device behind.

internal import CLab
internal import WriteAheadJournal
internal import SystemC

enum OwnMounts {
    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    /// Why `@unchecked Sendable` is right: written by the thread, read by its starter after the thread's end.
    private final class Answer<Value>: @unchecked Sendable {
        var result: Result<Value, any Error>?
    }

    /// Runs `body` on such a thread, and waits for it.
    ///
    /// - Throws: what the body throws; a `Refusal` where the system permits no mounts of one's own.
    static func run<Value>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let answer = Answer<Value>()
        let thread = try WorkerThread("mounts") {
            let error = cblocklog_own_mounts()
            guard error == 0 else {
                answer.result = .failure(
                    Refusal(description: "mounts of one's own are not permitted: \(Files.text(of: error))"))
                return
            }
            answer.result = Result { try body() }
        }
        thread.join()
        guard let result = answer.result else { throw Refusal(description: "the thread said nothing") }
        return try result.get()
    }

    /// Makes a loop device over a file. It goes when its descriptor is closed and the last mount of it is gone.
    static func attach(_ file: String) throws(StoreError) -> (descriptor: Int32, path: String) {
        var device = [CChar](repeating: 0, count: 64)
        let loop = cblocklog_attach(file, &device)
        guard loop >= 0 else { throw Files.failure("making a loop device over", file, errno: -loop) }
        return (loop, String(decoding: device.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// Mounts, or says why not.
    static func mount(_ device: String, at folder: String, type: String, options: String) throws(Refusal) {
        let error = cblocklog_mount(device, folder, type, options)
        guard error == 0 else {
            throw Refusal(description: "mounting \(type) on \(device): \(Files.text(of: error))")
        }
    }

    /// A process that has ended a moment ago may hold it a little longer.
    static func unmount(_ folder: String) throws(Refusal) {
        var error: Int32 = 0
        for _ in 0..<200 {
            error = cblocklog_unmount(folder, 0)
            guard error == EBUSY else { break }
            Clock.sleep(nanoseconds: 10_000_000)
        }
        guard error == 0 else {
            _ = cblocklog_unmount(folder, 1)
            throw Refusal(description: "unmounting \(folder): \(Files.text(of: error))")
        }
    }
}
