/// What went wrong in a store or journal, and what to do next.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. Open to growth: a `switch` over it needs a default.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The name of the code.
        public let rawValue: String
        /// Makes a code of its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Another process, or another handle in this one, holds the store. Or another program holds SQLite's lock on
        /// one of its databases.
        public static let busy = Code(rawValue: "busy")
        /// Bytes that were acknowledged are gone or altered.
        public static let damaged = Code(rawValue: "damaged")
        /// The path does not hold a store.
        public static let notAStore = Code(rawValue: "notAStore")
        /// The store was written by a newer version.
        public static let newerFormat = Code(rawValue: "newerFormat")
        /// The stored value does not decode as the type asked for.
        public static let typeMismatch = Code(rawValue: "typeMismatch")
        /// The key is empty, longer than 4,096 bytes, or not UTF-8.
        public static let keyOutOfBounds = Code(rawValue: "keyOutOfBounds")
        /// The value is too large, or is not a number that can be kept (NaN, infinity).
        public static let valueOutOfBounds = Code(rawValue: "valueOutOfBounds")
        /// The handle was closed.
        public static let closed = Code(rawValue: "closed")
        /// The handle belongs to the parent process.
        public static let forked = Code(rawValue: "forked")
        /// The call was made inside a body that holds the writer's lock.
        public static let reentrant = Code(rawValue: "reentrant")
        /// The change is in the log's order and in memory, but did not reach the disk in time.
        public static let notYetDurable = Code(rawValue: "notYetDurable")
        /// An earlier I/O error made it unsafe to continue; reopen the store.
        public static let poisoned = Code(rawValue: "poisoned")
        /// No space left on the device.
        public static let diskFull = Code(rawValue: "diskFull")
        /// The task was cancelled before the change was admitted.
        public static let cancelled = Code(rawValue: "cancelled")
        /// The machine or file system lacks something the store needs.
        public static let unsupported = Code(rawValue: "unsupported")
        /// Reading or writing failed.
        public static let ioError = Code(rawValue: "ioError")
    }

    /// What became of the change that the failing call asked for.
    public enum Outcome: String, Sendable, Hashable {
        /// The change was never applied, and never will be.
        case rejected
        /// The change was published, but is not known to have reached the level asked for.
        case unknown
    }

    /// Where the failure was found: a file, and for damage an LSN and a byte range, as far as they are known.
    public struct Location: Sendable, Hashable, CustomStringConvertible {
        /// The file, by its path.
        public var file: String
        /// The record at which it was noticed.
        public var lsn: LSN?
        /// The bytes concerned: within the record's batch for the journal, within the file otherwise.
        public var bytes: Range<Int>?

        /// Makes a location.
        public init(file: String, lsn: LSN? = nil, bytes: Range<Int>? = nil) {
            self.file = file
            self.lsn = lsn
            self.bytes = bytes
        }

        /// "file, LSN n, bytes a..<b".
        public var description: String {
            var text = file
            if let lsn { text += ", LSN \(lsn)" }
            if let bytes { text += ", bytes \(bytes.lowerBound)..<\(bytes.upperBound)" }
            return text
        }
    }

    /// The kind of failure.
    public var code: Code
    /// What happened and what to do next, for a person.
    public var message: String
    /// SQLite's extended result code, or the system's errno for a system call.
    public var cause: Int32?
    /// Where it was found.
    public var location: Location?
    /// What became of the change.
    public var outcome: Outcome

    /// Makes an error.
    public init(
        _ code: Code, _ message: String, cause: Int32? = nil, location: Location? = nil, outcome: Outcome = .rejected
    ) {
        self.code = code
        self.message = message
        self.cause = cause
        self.location = location
        self.outcome = outcome
    }

    /// "code: message (cause n) [location]".
    public var description: String {
        var text = "\(code.rawValue): \(message)"
        if let cause { text += " (cause \(cause))" }
        if let location { text += " [\(location)]" }
        return text
    }
}
