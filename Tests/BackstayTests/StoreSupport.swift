// What the store's tests share: errors as values, a closing that verifies, copies as a kill would leave them, the
// sqlite3 shell, threads and events.

import Backstay
import SystemC
import Testing
@testable import WriteAheadJournal

extension TemporaryFolder {
    /// Where a test's store goes.
    var store: String { path + "/app.backstay" }
}

// MARK: Errors as values

/// The StoreError the body throws; nil where it throws nothing or something else.
func failure(_ body: () throws -> Void) -> StoreError? {
    do {
        try body()
        return nil
    } catch { return error as? StoreError }
}

/// The StoreError the body throws; nil where it throws nothing or something else.
func asyncFailure(_ body: () async throws -> Void) async -> StoreError? {
    do {
        try await body()
        return nil
    } catch { return error as? StoreError }
}

/// An error of a test's own.
struct OwnError: Error, Equatable { var number = 7 }

/// Whether the bytes are the same; quick also where nothing is optimised.
func areSame(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && a.withUnsafeBytes { a in b.withUnsafeBytes { b in compare(a, b) } } == 0
}

private func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int32 {
    guard let x = a.baseAddress, let y = b.baseAddress else { return 0 }
    return memcmp(x, y, a.count)
}

// MARK: What is in a store

/// One key and value as stored.
struct StoredRow: Equatable, CustomStringConvertible {
    var key: [UInt8]
    var kind: UInt8
    var value: [UInt8]

    static func == (a: Self, b: Self) -> Bool {
        a.kind == b.kind && areSame(a.key, b.key) && areSame(a.value, b.value)
    }

    var description: String { "\(String(decoding: key, as: UTF8.self)) (\(kind), \(value.count) bytes)" }
}

extension StateStore.Entries {
    var rows: [StoredRow] {
        map { StoredRow(key: [UInt8]($0.keyBytes), kind: $0.kind, value: [UInt8]($0.valueBytes)) }
    }
}

/// The table `state` of a store that nobody holds, checked row by row against checksums and digest.
func tableRows(_ path: String) throws -> [StoredRow] {
    let reader = try StoreReader(path)
    defer { reader.close() }
    var rows: [StoredRow] = []
    try reader.loadState { name, key, kind, value in
        if name.isEmpty { rows.append(StoredRow(key: [UInt8](key), kind: kind, value: [UInt8](value))) }
    }
    return rows
}

/// Closes the store and checks that its files hold what its memory held: replayed, and in the table alone.
func closeVerified(_ store: StateStore, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let rows = try store.entries().rows
    let path = try #require(store.path, sourceLocation: sourceLocation)
    try store.close()
    try verify(path, rows, sourceLocation: sourceLocation)
    #expect(try tableRows(path) == rows, "the table state", sourceLocation: sourceLocation)
}

/// The same for a test that runs as a task.
func closeVerified(_ store: StateStore, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let rows = try store.entries().rows
    let path = try #require(store.path, sourceLocation: sourceLocation)
    try await store.close()
    try verify(path, rows, sourceLocation: sourceLocation)
    #expect(try tableRows(path) == rows, "the table state", sourceLocation: sourceLocation)
}

/// Reads the unheld store at `path` in every way and compares.
func verify(_ path: String, _ rows: [StoredRow], sourceLocation: SourceLocation = #_sourceLocation) throws {
    let reader = try StoreReader(path)
    #expect(try reader.integrityCheck().isEmpty, sourceLocation: sourceLocation)
    var next = reader.base.lsn.next
    _ = try reader.records { record, _ in
        #expect(record.lsn == next, "a gap in the log", sourceLocation: sourceLocation)
        next = record.lsn.next
    }
    reader.close()
    let again = try StateStore.openReadOnlyNow(path)
    #expect(try again.entries().rows == rows, "replayed", sourceLocation: sourceLocation)
}

extension StateStore {
    /// `openReadOnly`, the blocking form, also for tests that run as a task: they read small files.
    static func openReadOnlyNow(_ path: String) throws -> StateStore {
        func open() throws -> StateStore { try openReadOnly(path) }
        return try open()
    }
}

/// Copies the files as they are right now: what a kill at this moment would leave, as nobody writes meanwhile.
///
/// The journal first: what a fold adds to the table behind the copy's back, the copied journal has as well. By a process
/// of its own: closing a database file in this one would drop SQLite's locks on it.
func copyAsKilled(_ path: String, to copy: String) throws {
    let copying = "cd '\(path)' && mkdir '\(copy)' && for f in journal.db* * ; do case $f in *-shm) ;; *)"
    let result = shell(copying + " test -e '\(copy)'/$f || cp -p $f '\(copy)'/ || exit 9;; esac; done")
    try #require(result.status == 0, "\(result.output)")
}

/// Keeps checkpoints of an open store out until it goes, as a stranger's write transaction on state.db would; or commits,
/// by one on journal.db.
final class FoldBarrier {
    private let connection: SQLiteConnection

    init(_ path: String, database: String = "state.db") throws {
        connection = try SQLiteConnection(path + "/" + database, .readWrite, vfs: nil)
        try connection.execute("BEGIN IMMEDIATE")
    }

    func lift() throws {
        try connection.execute("ROLLBACK")
        connection.close()
    }
}

// MARK: The world outside

/// Runs a shell command; its status and what it wrote.
@discardableResult
func shell(_ command: String) -> (status: Int32, output: String) {
    guard let pipe = popen(command + " 2>&1", "r") else { return (-1, "popen failed") }
    var output: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
        let got = fread(&piece, 1, piece.count, pipe)
        if got == 0 { break }
        output.append(contentsOf: piece[0..<got])
    }
    let status = pclose(pipe)
    while output.last == UInt8(ascii: "\n") { output.removeLast() }
    return (status >> 8, String(decoding: output, as: UTF8.self))
}

/// What the sqlite3 shell answers.
func sqlite(_ database: String, _ sql: String) -> String { shell("sqlite3 '\(database)' \"\(sql)\"").output }

/// Writes a new file.
func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(bytes.withUnsafeBytes { Files.writeAll(descriptor, $0) })
}

// MARK: Threads

/// Something that happens once, and can be waited for.
final class Event: Sendable {
    private let lock = Lock()
    private let condition = Condition()
    private let count = Counter()

    func signal() {
        lock.lock()
        count.add(1)
        condition.broadcast()
        lock.unlock()
    }

    var hasHappened: Bool { count.value > 0 }

    /// Waits for it; false where it has not happened after `seconds`.
    @discardableResult
    func wait(seconds: UInt64 = 20) -> Bool {
        let deadline = Clock.monotonicNanoseconds() + seconds * 1_000_000_000
        lock.lock()
        defer { lock.unlock() }
        while count.value == 0 {
            if !condition.wait(lock, until: deadline) && count.value == 0 { return false }
        }
        return true
    }
}

/// A number that threads count up together.
final class Counter: Sendable {
    private let box = Locked(0)

    @discardableResult
    func add(_ number: Int) -> Int {
        box.with {
            $0 += number
            return $0
        }
    }

    var value: Int { box.with { $0 } }
}

/// A value behind a lock.
///
/// Why `@unchecked Sendable` is right: the value is touched under the lock alone.
final class Locked<Value>: @unchecked Sendable {
    private let lock = Lock()
    private var content: Value

    init(_ content: Value) { self.content = content }

    func with<R>(_ body: (inout Value) throws -> R) rethrows -> R {
        lock.lock()
        defer { lock.unlock() }
        return try body(&content)
    }
}

/// Runs the body on so many real threads at once and returns when all are done; what any of them threw is an issue.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    let threads = try (0..<count).map { index in
        try WorkerThread("test") {
            do { try body(index) } catch { Issue.record(error, "thread \(index)") }
        }
    }
    for thread in threads { thread.join() }
}

/// Runs a body that blocks on a thread of its own, and waits for it without holding one of the pool's.
func offPool(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        do {
            _ = try WorkerThread("test") { continuation.resume(with: Result { try body() }) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}
