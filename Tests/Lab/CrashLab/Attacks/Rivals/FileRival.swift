// An append-only file of lines as a rival: what people write who need "just a log". No checksum, no length; a last line
// without its end is dropped.
//
// Its bytes go through SQLite's VFS, so that a power cut treats them as it does everybody's. Why the pointers are right:
// the file object is one piece of memory that the VFS asks for by size; it is freed with this object, after xClose.

internal import CSQLite
internal import WriteAheadJournal

/// Used by one thread.
final class FileRival: RivalStore {
    private let file: UnsafeMutablePointer<sqlite3_file>
    private let memory: UnsafeMutableRawPointer
    private let name: UnsafeMutablePointer<CChar>
    private let path: String
    private let isSynced: Bool
    private var size: Int64 = 0
    private var isOpen = false

    init(_ folder: String, isSynced: Bool, vfs: String?) throws {
        self.isSynced = isSynced
        path = folder + "/app.log"
        guard let system = sqlite3_vfs_find(vfs) else { throw Noticed(what: "no such VFS") }
        let bytes = Int(system.pointee.szOsFile)
        memory = .allocate(byteCount: bytes, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        file = memory.assumingMemoryBound(to: sqlite3_file.self)
        // A name of SQLite's ends in several zeros: parameters would stand between them.
        let text = Array(path.utf8CString) + [0, 0, 0]
        name = .allocate(capacity: text.count)
        name.initialize(from: text, count: text.count)
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL
        var got: Int32 = 0
        guard system.pointee.xOpen(system, name, file, flags, &got) == SQLITE_OK else {
            throw Noticed(what: "the file cannot be opened")
        }
        isOpen = true
        _ = file.pointee.pMethods.pointee.xFileSize(file, &size)
    }

    deinit {
        if isOpen { _ = file.pointee.pMethods.pointee.xClose(file) }
        memory.deallocate()
        name.deallocate()
    }

    func put(_ key: String, _ value: String) throws {
        let line = Array("\(key)=\(value)\n".utf8)
        let written = line.withUnsafeBytes {
            file.pointee.pMethods.pointee.xWrite(file, $0.baseAddress, Int32($0.count), size)
        }
        guard written == SQLITE_OK else { throw Noticed(what: "the file cannot be written") }
        size += Int64(line.count)
        if isSynced, file.pointee.pMethods.pointee.xSync(file, SQLITE_SYNC_NORMAL) != SQLITE_OK {
            throw Noticed(what: "the file cannot be synced")
        }
    }

    func entries() throws -> [String: String] {
        var entries: [String: String] = [:]
        var lines = (Files.text(at: path) ?? "").split(separator: "\n", omittingEmptySubsequences: false)
        lines.removeLast()
        for line in lines {
            guard let sign = line.firstIndex(of: "=") else { throw Noticed(what: "a line without a sign") }
            entries[String(line[..<sign])] = String(line[line.index(after: sign)...])
        }
        return entries
    }

    func close() throws {
        _ = file.pointee.pMethods.pointee.xClose(file)
        isOpen = false
    }
}
