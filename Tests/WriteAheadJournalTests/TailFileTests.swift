import Testing

@testable import WriteAheadJournal

import SystemC

/// Whatever is found in the place of the tail: the store opens, and what was acknowledged at `.power` is there.
@Suite(.timeLimit(.minutes(5))) struct TailFileTests {
    /// What is done to the file, and whether its records are still to be had.
    static let doings: [(what: String, command: String, keeps: Bool)] = [
        ("nothing", "true", true),
        ("missing", "rm tail", false),
        ("empty", ": > tail", false),
        ("short by its last page", "truncate -s -4096 tail", false),
        ("the header alone", "truncate -s 4096 tail", false),
        ("longer", "head -c 10000 /dev/zero >> tail", true),
        ("much longer", "truncate -s 200M tail", true),
        ("sparse", "cp --sparse=always tail x && mv x tail", true),
        ("a link to the file elsewhere", "mv tail ../moved && ln -s ../moved tail", true),
        ("a link to nowhere", "rm tail && ln -s nowhere tail", false),
        ("a link to itself", "rm tail && ln -s tail tail", false),
        ("with a second name", "ln tail ../second", true),
        ("a folder", "rm tail && mkdir tail", false),
        ("a folder with something in it", "rm tail && mkdir tail && touch tail/x", false),
        ("a pipe", "rm tail && mkfifo tail", false),
        ("read-only", "chmod 400 tail", true),
        ("another store's lock", "rm tail && cp lock tail", false),
        ("the journal", "cp journal.db tail", false),
        ("beside a half-made one", "head -c 5000 /dev/urandom > tail.new", true),
        ("beside an empty folder of the new one's name", "mkdir tail.new", true),
        (
            "missing, beside a new one's folder with something in it", "rm tail; mkdir tail.new && touch tail.new/x",
            false
        ),
    ]

    @Test(arguments: doings)
    func storeOpensAndGoesOn(what: String, command: String, keeps: Bool) throws {
        let folder = try TemporaryFolder()
        let (image, values) = try TailRecoveryTests.killed(power: 5, process: 30)
        try image.write(to: folder("s"))
        try shell("cd \(quoted(folder("s"))) && \(command)")
        let reader = try StoreReader(folder("s"))
        var seen = 0
        _ = try reader.records { record, _ in if record.kind == .changes { seen += 1 } }
        reader.close()
        #expect(seen == (keeps ? 35 : 5), "read only")

        let store = try TinyStore(folder("s"), laggingOptions())
        #expect(store.values.count == (keeps ? 35 : 5))
        expectPrefix(store.values, of: values, atLeast: 5, what)
        var status = stat()
        if store.committer.isTailMapped {
            #expect(lstat(folder("s/tail"), &status) == 0 && status.st_mode & S_IFMT == S_IFREG, "a file, no link")
            #expect(status.st_nlink == 1, "nobody else's under another name")
            #expect(Int(status.st_blocks) * 512 >= (64 << 10) + TailFormat.headerBytes, "all its blocks")
        }
        try store.set("later", "1", .process)
        let expected = store.values
        // What somebody else put there stays; it is in the way of the copy below only.
        if what.contains("something in it") { try shell("rm -r \(quoted(folder("s")))/tail*/") }
        let next = try store.image()
        #expect(!next.files.keys.contains("tail.new"), "nothing half made is left")
        #expect(store.committer.isTailMapped != what.contains("something in it"))
        store.drop()
        // And whatever the store has put in its place works.
        try next.write(to: folder("t"))
        let again = try TinyStore(folder("t"))
        #expect(again.values == expected)
        again.drop()
    }

    /// The ring of the last run has another size: it is read as it is, and made anew.
    @Test(arguments: [(64 << 10, 4 << 20), (4 << 20, 64 << 10), (64 << 10, 128 << 10)])
    func anotherCapacityBetweenRuns(before: Int, after: Int) throws {
        let folder = try TemporaryFolder()
        let (image, values) = try TailRecoveryTests.killed(power: 2, process: 100, tailBytes: before)
        #expect(image.files["tail"]?.count == before + TailFormat.headerBytes)
        try image.write(to: folder("s"))
        let store = try TinyStore(folder("s"), laggingOptions(tailBytes: after))
        #expect(store.values == values && store.opening.recordsFromTail == 100)
        for number in 102..<160 { try store.set("k\(number)", String(repeating: "x", count: 200), .process) }
        let next = try store.image()
        #expect(next.files["tail"]?.count == after + TailFormat.headerBytes)
        let expected = store.values
        store.drop()
        try next.write(to: folder("t"))
        let again = try TinyStore(folder("t"), laggingOptions(tailBytes: before))
        #expect(again.values == expected && again.opening.recordsFromTail == 58)
        again.drop()
    }

    /// A run that ends takes its ring's file over from the one before, block for block.
    @Test func fileIsUsedAgain() throws {
        let folder = try TemporaryFolder()
        var inode: ino_t = 0
        for round in 0..<3 {
            let store = try TinyStore(folder("s"), laggingOptions())
            var status = stat()
            #expect(stat(folder("s/tail"), &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600 && status.st_blocks * 512 >= status.st_size)
            if round > 0 { #expect(status.st_ino == inode) }
            inode = status.st_ino
            try store.close()
        }
    }
}
