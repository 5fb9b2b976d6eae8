// How much of an SQLite WAL's file is written and synced, and how much of that its frames occupy.
//
// The rule: `bytes` is never more than what surely is in the file as written and synced blocks. A frame in that part
// overwrites. A frame after it makes the file grow, which doubles what a durable commit costs. So the WAL begins anew
// before its frames get there, unless one batch alone takes more.
//
// This is only arithmetic; SQLiteConnection+WALGrowth.swift handles the file. Format:
// https://www.sqlite.org/fileformat2.html#walformat.

/// The room in one SQLite WAL.
struct WALRoom {
    /// The size to which the file is grown when a store is opened, and to which it is truncated. With 2 MiB rows one
    /// after another, WALs of 4, 16, 32 and 64 MiB were equally fast. So there is no reason for a larger one.
    static let bytesKept = 4 << 20
    static let pageBytes = 4_096

    /// The size to which this file is grown and truncated. It is less only in the crash lab, which writes whole files
    /// for every state.
    let kept: Int
    /// Written and synced, from the start of the file.
    private(set) var bytes = 0
    /// Frames of the present generation. Until the first commit the number is unknown, and this is 0.
    private(set) var frames = 0
    private var isKnown = false
    /// All frames are in the database. The next commit begins anew, unless a reader still needs them.
    private(set) var isCopied = false
    /// The most frames that one batch of this generation took.
    private var framesOfLargest = 0
    /// The most frames for which room was asked in this generation.
    private var framesReserved = 0
    /// How many frames there were when SQLite last copied some; 0 after the WAL began anew.
    private var framesMaintained = 0

    init(kept: Int = WALRoom.bytesKept) { self.kept = kept }

    /// Where `frames` frames end.
    static func end(of frames: Int) -> Int { 32 + frames * (24 + pageBytes) }

    /// The most frames that a batch takes: its overflow pages, the leaves that refer to it, their parents, the first
    /// page, and trunks of the list of free pages.
    static func frames(forBatchOf bytes: Int) -> Int { overflowPages(bytes) + overflowPages(bytes) / 500 + 16 }

    private static func overflowPages(_ bytes: Int) -> Int { bytes / (pageBytes - 4) }

    /// Where a commit of `next` frames would end.
    func end(ofNext next: Int) -> Int { Self.end(of: (isCopied ? 0 : frames) + next) }

    /// Whether a commit of `next` frames only overwrites.
    func holds(_ next: Int) -> Bool { end(ofNext: next) <= bytes }

    /// Whether frames should be copied into the database before a commit of `next` frames. If a reader keeps the WAL
    /// from beginning anew, it is tried again after as many frames as fit into the room that is kept.
    func isCopyDue(before next: Int) -> Bool {
        frames > framesMaintained && Self.end(of: frames - framesMaintained + next) > kept
    }

    /// The same for whatever comes next, estimated by what came before.
    var isCopyDue: Bool { isCopyDue(before: max(framesOfLargest, 16)) }

    /// A commit is durable, and the generation now has `now` frames. The commit took at least one of them, and no fewer
    /// than the overflow pages of its batch.
    mutating func committed(frames now: Int, batchBytes: Int = 0, cutTo limit: Int) {
        let isAnew = now < frames + max(1, Self.overflowPages(batchBytes))
        if isAnew {
            // SQLite truncates a file that is longer than its limit when it begins anew.
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

    /// SQLite has copied frames into the database: all of them, or as far as readers let it.
    mutating func copied(all: Bool) {
        isCopied = all
        framesMaintained = frames
    }

    /// The file was looked at, or was grown: it has `bytes` bytes.
    mutating func found(bytes: Int) { self.bytes = bytes }

    /// Room for a commit of `next` frames was asked for, and will be again. Some is added, so that the next small
    /// commit does not make it too little.
    mutating func reserved(_ next: Int) { framesReserved = max(framesReserved, next + 250) }

    /// The size to which the file is to be truncated when it begins anew: what was needed once may be needed again.
    var bytesWanted: Int { max(kept, Self.end(of: max(framesOfLargest + 16, framesReserved))) }
}
