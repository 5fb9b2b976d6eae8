// What the suites share: images of a store's files, the shell, waiting.

import TestSupport
import Testing
import WriteAheadJournal

import SystemC

/// The files of a folder that nobody holds, in memory: to be altered and written out again.
struct FolderImage: Sendable, Equatable {
    var files: [String: [UInt8]]

    init(of folder: String) throws {
        files = [:]
        for name in Files.names(in: folder) {
            let path = folder + "/" + name
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            guard let bytes = Files.contents(path, limit: 1 << 30) else { throw Files.failure("reading", path) }
            files[name] = bytes
        }
    }

    /// Of a folder that this process holds: copied by another process, because closing a database file here would drop
    /// SQLite's locks on it.
    init(ofLive folder: String) throws {
        let copies = try TemporaryFolder()
        try shell("cp -a \(quoted(folder)) \(quoted(copies("copy")))")
        try self.init(of: copies("copy"))
    }

    func write(to folder: String) throws {
        guard mkdir(folder, 0o700) == 0 else { throw Files.failure("creating", folder) }
        for (name, bytes) in files { try writeFile(folder + "/" + name, bytes) }
    }
}

func writeFile(_ path: String, _ bytes: [UInt8]) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Files.failure("creating", path) }
    defer { close(descriptor) }
    guard bytes.withUnsafeBytes({ Files.writeAll(descriptor, $0) }) else { throw Files.failure("writing", path) }
}

/// Everything that tells whether something was written: names, sizes, times, bytes.
struct FolderListing: Equatable {
    struct Item: Equatable {
        var inode: UInt64
        var seconds: Int
        var nanoseconds: Int
        var bytes: [UInt8]?
    }
    var items: [String: Item] = [:]

    /// - Parameter withBytes: not for a store that this process holds (see `FolderImage`).
    init(_ folder: String, withBytes: Bool = true) {
        for name in [""] + Files.names(in: folder) {
            let path = folder + "/" + name
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            #if canImport(Darwin)
            let time = status.st_mtimespec
            #else
            let time = status.st_mtim
            #endif
            items[name] = Item(
                inode: UInt64(status.st_ino), seconds: Int(time.tv_sec), nanoseconds: Int(time.tv_nsec),
                bytes: withBytes && status.st_mode & S_IFMT == S_IFREG ? Files.contents(path, limit: 1 << 30) : nil)
        }
    }
}

struct ShellFailure: Error {
    let command: String
    let status: Int32
    let output: String
}

/// Runs a command and returns what it printed.
@discardableResult
func shell(_ command: String) throws -> String {
    let (status, text) = try runShell(command)
    guard status == 0 else { throw ShellFailure(command: command, status: status, output: text) }
    return text
}

func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}

/// The sqlite3 shell, as a person would use it on a file that no process holds.
@discardableResult
func sqlite3(_ path: String, _ sql: String) throws -> String {
    try shell("sqlite3 -batch -bail \(quoted(path)) \(quoted(sql))")
}

/// Only a broken program comes near it; a busy machine needs much of it.
private let giveUpNanoseconds: UInt64 = 280_000_000_000

/// Waits for something another thread does; false when it never came.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = Clock.monotonicNanoseconds() + giveUpNanoseconds
    while !condition() {
        if Clock.monotonicNanoseconds() > end { return false }
        usleep(200)
    }
    return true
}

/// The same without holding up the thread: other tasks may need it.
func eventually(_ condition: () -> Bool) async -> Bool {
    let end = Clock.monotonicNanoseconds() + giveUpNanoseconds
    while !condition() {
        if Clock.monotonicNanoseconds() > end { return false }
        try? await Task.sleep(for: .microseconds(200))
    }
    return true
}

/// The StoreError that the body throws; a test fails where it throws none.
func failure(_ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation) -> StoreError? {
    do {
        try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
        return nil
    } catch let error as StoreError {
        return error
    } catch {
        Issue.record("not a StoreError: \(error)", sourceLocation: sourceLocation)
        return nil
    }
}
