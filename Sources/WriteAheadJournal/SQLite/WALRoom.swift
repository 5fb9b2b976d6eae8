// Where an SQLite WAL stands: how much of its file is written and synced, and how much of that its frames take up.
//
// The rule: `bytes` is never more than what is surely in the file as written and synced blocks. A frame that goes there
// overwrites; one behind it makes the file grow, which doubles what a durable commit costs. So the WAL begins anew before
// its frames get there, unless one batch alone takes more.
//
// Only arithmetic; the files are SQLiteWALFile.swift's part. Format: https://www.sqlite.org/fileformat2.html#walformat.

struct WALRoom {
    /// What the file is grown to when a store is opened, and cut back to. With 2 MiB rows one after another a WAL of 4,
    /// 16, 32 and 64 MiB was equally fast, so there is no reason for a larger one.
    static let bytesKept = 4 << 20
    static let pageBytes = 4_096

    /// What this file is grown and cut back to. Less only in the crash lab, which writes whole files for every state.
    let kept: Int
    /// Written and synced, from the start of the file.
    private(set) var bytes = 0
    /// Frames of the present generation; unknown, and then 0, until the first commit.
    private(set) var frames = 0
    private var isKnown = false
    /// All frames are in the database: the next commit begins anew, unless a reader still needs them.
    private(set) var isCopied = false
    /// The most that one batch of this generation took.
    private var framesOfLargest = 0
    /// The most that room was asked for in this generation.
    private var framesReserved = 0
    /// Frames there were when SQLite last copied some; 0 since the WAL began anew.
    private var framesMaintained = 0

    init(kept: Int = WALRoom.bytesKept) { self.kept = kept }

    /// Where so many frames end.
    static func end(of frames: Int) -> Int { 32 + frames * (24 + pageBytes) }

    /// Frames that a batch takes at most: its overflow pages, the leaves it is hung up in, their parents, the first page,
    /// and trunks of the list of free pages.
    static func frames(forBatchOf bytes: Int) -> Int { overflowPages(bytes) + overflowPages(bytes) / 500 + 16 }

    private static func overflowPages(_ bytes: Int) -> Int { bytes / (pageBytes - 4) }

    /// Where a commit of so many frames would end.
    func end(ofNext next: Int) -> Int { Self.end(of: (isCopied ? 0 : frames) + next) }

    /// Whether a commit of so many frames only overwrites.
    func holds(_ next: Int) -> Bool { end(ofNext: next) <= bytes }

    /// Whether frames had better be copied into the database before a commit of so many. Beside a reader that keeps the
    /// WAL from beginning anew it is tried again after as many frames as fit into the room that is kept.
    func isCopyDue(before next: Int) -> Bool {
        frames > framesMaintained && Self.end(of: frames - framesMaintained + next) > kept
    }

    /// The same before whatever comes next, by what came before.
    var isCopyDue: Bool { isCopyDue(before: max(framesOfLargest, 16)) }

    /// A commit is durable: so many frames are in the generation now, by a batch that took at least one, or more.
    mutating func committed(frames now: Int, batchBytes: Int = 0, cutTo limit: Int) {
        let isAnew = now < frames + max(1, Self.overflowPages(batchBytes))
        if isAnew {
            // SQLite cuts a file that is longer than its limit when it begins anew.
            bytes = min(bytes, max(limit, Self.end(of: now)))
            framesMaintained = 0
            framesOfLargest = 0
            framesReserved = 0
        }
        if isKnown { framesOfLargest = max(framesOfLargest, isAnew ? now : now - frames) }
        isKnown = true
        frames = now
        isCopied = false
        bytes = max(bytes, Self.end(of: now))
    }

    /// SQLite has copied frames into the database: all, or as far as readers let it.
    mutating func copied(all: Bool) {
        isCopied = all
        framesMaintained = frames
    }

    /// The file was looked at, or grown: it has so many bytes.
    mutating func found(bytes: Int) { self.bytes = bytes }

    /// Room for a commit of so many frames was asked for, and will be again: with some to spare, so that the next small
    /// commit does not make it too little.
    mutating func reserved(_ next: Int) { framesReserved = max(framesReserved, next + 250) }

    /// What the file is to be cut to when it begins anew: what was needed once may be needed again.
    var bytesWanted: Int { max(kept, Self.end(of: max(framesOfLargest + 16, framesReserved))) }
}
