// Every run of the application on a store, and how it ended: what `backstay runs` prints.
//
// The table `runs` has a row for each opening. A run that closed the store noted its end there. For any other run the next
// opening does it. The end of the newest run may thus be missing: then the run goes on, or the end is judged here as the
// next opening would judge it. Nothing is written.

public import WriteAheadJournal

extension StateStore {
    /// One run of the application on a store: from an opening to its end.
    public struct Run: Sendable, Hashable, CustomStringConvertible {
        /// The run's number. It counts up from 1.
        public let id: Int64
        /// When the store was opened, in microseconds since 1970 (UTC).
        public let started: Int64
        /// When the run noted its end, in microseconds since 1970 (UTC). Nil while it goes on, and for an end that was judged.
        public let ended: Int64?
        /// The process, as its own PID namespace numbers it.
        public let pid: Int32
        /// The machine's name.
        public let host: String
        /// The machine's boot, as the system identifies it.
        public let boot: String
        /// Whether the run goes on: it is the newest, its end is not on record, and somebody holds the store.
        public let isRunning: Bool
        /// How the run ended, on what evidence, and how sure that is. Nil while it goes on.
        public let end: RunEnd?
        /// Whether the end is on record. If not, `end` is what the next opening would say of it.
        public let isEndRecorded: Bool

        /// "run 3: killed (likely): evidence", or "run 3: running: process 123 on host".
        public var description: String {
            if isRunning { return "run \(id): running: process \(pid) on \(host)" }
            return "run \(id): \(end?.description ?? "unknown")"
        }

        init(_ row: RunRow, isRunning: Bool, end: RunEnd?) {
            id = row.id
            started = row.started
            ended = row.ended
            pid = row.pid
            host = row.host
            boot = row.boot
            self.isRunning = isRunning
            self.end = end
            isEndRecorded = row.end != nil
        }

        /// The only run of a store in memory, by the process that asks.
        init(inMemorySince started: Int64) {
            id = 1
            self.started = started
            ended = nil
            pid = Machine.processID()
            host = Machine.hostName()
            boot = Machine.bootIdentity()
            isRunning = true
            end = nil
            isEndRecorded = false
        }

        /// All runs that a reader sees, the oldest first.
        package static func all(_ reader: StoreReader) throws(StoreError) -> [Run] {
            let rows = try reader.runs()
            let verdict = try reader.verdictOnLastRun()
            return rows.enumerated().map { index, row in
                let isOpen = row.end == nil && index == rows.count - 1
                return Run(row, isRunning: isOpen && reader.isLive, end: isOpen ? verdict : row.end)
            }
        }
    }

    /// Every run on this store and how it ended, the oldest first. The last one is this run.
    ///
    /// It reads the store's files as they are now, and writes nothing. For a store that was opened read-only, it may show
    /// runs that began later. A store in memory has one run: its own.
    /// - Throws: `closed`, `forked`, `reentrant`; as `runs(at:)` if the files cannot be read.
    @available(*, noasync, message: "use `try await store.runs()`")
    public func runs() throws(StoreError) -> [Run] {
        try core.check()
        return try core.runs()
    }

    /// Every run on this store and how it ended, the oldest first, without holding a pool thread.
    ///
    /// - Throws: as the form for synchronous code.
    public func runs() async throws(StoreError) -> [Run] {
        try core.check()
        return try await Offload.run { [core] () throws(StoreError) in try core.runs() }
    }

    /// Every run on the store at `path` and how it ended, the oldest first. Works beside a live owner, and writes nothing.
    ///
    /// If nobody holds the store, and the last run noted no end, its end is what the next opening would say.
    /// - Throws: `notAStore`, `damaged` (also if `open` would repair it), `newerFormat`, `busy`, `unsupported`, `ioError`.
    @available(*, noasync, message: "use `try await StateStore.runs(at:)`")
    public static func runs(at path: String) throws(StoreError) -> [Run] { try StoreCore.runs(at: path, vfs: nil) }

    /// Every run on the store at `path` and how it ended, the oldest first, without holding a pool thread.
    ///
    /// - Throws: as the form for synchronous code.
    public static func runs(at path: String) async throws(StoreError) -> [Run] {
        try await Offload.run { () throws(StoreError) in try StoreCore.runs(at: path, vfs: nil) }
    }
}

extension StoreCore {
    func runs() throws(StoreError) -> [StateStore.Run] {
        guard let folder else { return [StateStore.Run(inMemorySince: started)] }
        return try Self.runs(at: folder, vfs: options.vfs)
    }

    static func runs(at path: String, vfs: String?) throws(StoreError) -> [StateStore.Run] {
        let reader = try StoreReader(path, vfs: vfs)
        defer { reader.close() }
        return try StateStore.Run.all(reader)
    }
}
