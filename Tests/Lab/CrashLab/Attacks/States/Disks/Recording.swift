// What was done to the files of one folder, in order: the recorder of CFaultVFS, read out.
//
// One recording at a time in a process. Events of files that hold nothing a start looks at are left out.
//
// Why the pointers are right: what the recorder has is copied once it has ended, and stays until the next one begins.

internal import CFaultVFS
internal import Drill
internal import WriteAheadJournal

struct Recording: Sendable {
    enum Event: Sendable {
        /// So many of the recording's bytes, from `at` on, went to `offset`.
        case write(StoreFile, offset: Int, at: Int, count: Int)
        case truncate(StoreFile, size: Int)
        case sync(StoreFile)
        case create(StoreFile)
        case delete(StoreFile)
        /// A page of a mapped file has become this.
        case page(StoreFile, offset: Int, at: Int, count: Int)
        /// A mapped file has become another one.
        case replace(StoreFile, at: Int, count: Int)
        case folderSync
        case mark(Mark)
    }

    private(set) var events: [Event]
    private(set) var bytes: [UInt8]

    init(_ events: [Event], bytes: [UInt8]) {
        self.events = events
        self.bytes = bytes
    }

    /// Makes the VFS and its recorder ready for this process.
    static func prepare() throws(Trouble) {
        try FaultVFS.register()
        Files.onSync = backstay_record_descriptor_synced
    }

    /// Records what `body` has done to the files of the folder, which is absolute, links resolved.
    static func of<R>(_ folder: String, _ body: () throws -> R) throws -> (R, Recording) {
        guard backstay_record_begin(folder) else {
            throw Trouble(description: "the path \(folder) is too long to be recorded")
        }
        let result: R
        do {
            result = try body()
        } catch {
            backstay_record_end()
            throw error
        }
        backstay_record_end()
        return (result, Recording(reading: backstay_record_read()))
    }

    static func mark(_ mark: Mark) { backstay_record_mark(mark.word) }

    private init(reading log: backstay_recording) {
        bytes = Array(UnsafeBufferPointer(start: log.bytes, count: log.byte_count))
        events = UnsafeBufferPointer(start: log.events, count: log.count).compactMap { Self.event($0) }
    }

    private static func event(_ event: backstay_event) -> Event? {
        let kind = Int(event.kind)
        if kind == Int(BACKSTAY_EVENT_FOLDER_SYNC) { return .folderSync }
        if kind == Int(BACKSTAY_EVENT_MARK) { return Mark(word: event.mark).map { .mark($0) } }
        guard let name = backstay_record_file(event.file).map({ String(cString: $0) }),
            let file = StoreFile.allCases.first(where: { $0.name == name })
        else { return nil }
        let (offset, at, count) = (Int(event.offset), Int(event.at), Int(event.count))
        switch kind {
        case Int(BACKSTAY_EVENT_WRITE): return .write(file, offset: offset, at: at, count: count)
        case Int(BACKSTAY_EVENT_TRUNCATE): return .truncate(file, size: offset)
        case Int(BACKSTAY_EVENT_SYNC): return .sync(file)
        case Int(BACKSTAY_EVENT_CREATE): return .create(file)
        case Int(BACKSTAY_EVENT_DELETE): return .delete(file)
        case Int(BACKSTAY_EVENT_PAGE): return .page(file, offset: offset, at: at, count: count)
        case Int(BACKSTAY_EVENT_REPLACE): return .replace(file, at: at, count: count)
        default: return nil
        }
    }

    /// The first `count` events, the last of them perhaps a write that was cut short, and then another recording.
    func prefix(_ count: Int, lastWriteCutTo cut: Int?, then other: Recording) -> Recording {
        var joined = self
        joined.events.removeSubrange(count...)
        if let cut, case .write(let file, let offset, let at, _)? = joined.events.last {
            joined.events[count - 1] = .write(file, offset: offset, at: at, count: cut)
        }
        let shift = joined.bytes.count
        joined.bytes += other.bytes
        for event in other.events {
            switch event {
            case .write(let file, let offset, let at, let count):
                joined.events.append(.write(file, offset: offset, at: at + shift, count: count))
            case .page(let file, let offset, let at, let count):
                joined.events.append(.page(file, offset: offset, at: at + shift, count: count))
            case .replace(let file, let at, let count):
                joined.events.append(.replace(file, at: at + shift, count: count))
            default: joined.events.append(event)
            }
        }
        return joined
    }
}
