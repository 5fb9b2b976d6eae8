// Who takes part: each engine at each guarantee it can give, and what is missing on this machine.
//
// The settings of each, and where its documentation advises them: docs/benchmarks.md.

import CPeers

/// An engine with the settings for one guarantee.
struct Contestant: Sendable {
    enum Role: String, Codable, Sendable {
        case ours, peer
        /// What no engine can be quicker than; keeps no promise.
        case limit
    }

    enum Ability: Sendable {
        case put, batch, read
        /// Several threads at once.
        case callers
        /// Calls that do not hold a thread.
        case tasks
        /// Finds again, when it is opened anew, what a killed process wrote.
        case restart
    }

    let name: String
    let setting: String
    let role: Role
    let guarantee: Guarantee
    let abilities: Set<Ability>
    let open: @Sendable (_ folder: String) throws -> any Engine

    /// Names it on the command line of a child.
    var id: String { setting.isEmpty ? name : "\(name), \(setting)" }
}

/// An engine that is not installed.
struct MissingPeer: Codable, Sendable {
    let name: String
    /// Debian's package.
    let package: String
    let reason: String
}

enum Contestants {
    /// All engines that can run here.
    static let all: [Contestant] = ours + limits + lmdb + leveldb + rocksdb + sqlite + grdb

    static let missing: [MissingPeer] = {
        var missing: [MissingPeer] = []
        if case .failure(let failure) = LMDBEngine.library {
            missing.append(MissingPeer(name: "LMDB", package: "liblmdb-dev", reason: failure.description))
        }
        if case .failure(let failure) = LevelDBEngine.library {
            missing.append(MissingPeer(name: "LevelDB", package: "libleveldb-dev", reason: failure.description))
        }
        if case .failure(let failure) = RocksDBEngine.library {
            missing.append(MissingPeer(name: "RocksDB", package: "librocksdb-dev", reason: failure.description))
        }
        return missing
    }()

    /// Versions of the engines that can run here.
    static let versions: [(name: String, version: String)] = {
        var versions = [("SQLite", SQLiteEngine.version), ("GRDB", GRDBEngine.version)]
        if !lmdb.isEmpty { versions.append(("LMDB", LMDBEngine.version)) }
        if !leveldb.isEmpty { versions.append(("LevelDB", LevelDBEngine.version)) }
        if !rocksdb.isEmpty { versions.append(("RocksDB", RocksDBEngine.version)) }
        return versions
    }()

    /// Who can do all of it at this guarantee, ours first.
    static func with(_ guarantee: Guarantee, _ abilities: Contestant.Ability...) -> [Contestant] {
        all.filter { $0.guarantee == guarantee && $0.abilities.isSuperset(of: abilities) }
    }

    /// Those who answer reads; one setting of each, because how changes are written makes no difference to a read.
    static func readers() -> [Contestant] {
        var seen: Set<String> = []
        return with(.process, .batch, .read).filter { seen.insert($0.name).inserted }
    }

    static func named(_ id: String, _ guarantee: Guarantee) -> Contestant? {
        all.first { $0.id == id && $0.guarantee == guarantee }
    }

    // MARK: One by one

    private static let everything: Set<Contestant.Ability> = [.put, .batch, .read, .callers, .restart]

    private static let ours = Guarantee.allCases.flatMap { guarantee in
        [
            Contestant(
                name: "Backstay", setting: ".\(guarantee)", role: .ours, guarantee: guarantee,
                abilities: everything.union([.tasks]), open: { try BackstayEngine($0, guarantee) }),
            Contestant(
                name: "Journal", setting: ".\(guarantee)", role: .ours, guarantee: guarantee,
                abilities: [.put, .callers, .tasks], open: { try JournalEngine($0, guarantee) }),
        ]
    }

    private static let limits = [
        Contestant(
            name: "limit: device", setting: "4 KiB + fdatasync", role: .limit, guarantee: .power, abilities: [.put],
            open: { try RawDevice($0) }),
        Contestant(
            name: "limit: mapping", setting: "copy + CRC + lock", role: .limit, guarantee: .process, abilities: [.put],
            open: { try RawMemory($0) }),
        Contestant(
            name: "limit: memory", setting: "Dictionary + lock", role: .limit, guarantee: .process,
            abilities: [.batch, .read], open: { _ in LockedDictionary() }),
    ]

    private static let lmdb: [Contestant] = {
        guard case .success = LMDBEngine.library else { return [] }
        let noSync = Int32(PEERS_MDB_NOSYNC)
        let writeMap = Int32(PEERS_MDB_WRITEMAP)
        return [
            Contestant(
                name: "LMDB", setting: "WRITEMAP, NOSYNC", role: .peer, guarantee: .process, abilities: everything,
                open: { try LMDBEngine($0, flags: noSync | writeMap) }),
            Contestant(
                name: "LMDB", setting: "NOSYNC", role: .peer, guarantee: .process, abilities: everything,
                open: { try LMDBEngine($0, flags: noSync) }),
            Contestant(
                name: "LMDB", setting: "sync", role: .peer, guarantee: .power, abilities: everything,
                open: { try LMDBEngine($0, flags: 0) }),
        ]
    }()

    private static let leveldb: [Contestant] = {
        guard case .success = LevelDBEngine.library else { return [] }
        return [
            Contestant(
                name: "LevelDB", setting: "sync off", role: .peer, guarantee: .process, abilities: everything,
                open: { try LevelDBEngine($0, sync: false) }),
            Contestant(
                name: "LevelDB", setting: "sync", role: .peer, guarantee: .power, abilities: everything,
                open: { try LevelDBEngine($0, sync: true) }),
        ]
    }()

    private static let rocksdb: [Contestant] = {
        guard case .success = RocksDBEngine.library else { return [] }
        return [
            Contestant(
                name: "RocksDB", setting: "sync off", role: .peer, guarantee: .process, abilities: everything,
                open: { try RocksDBEngine($0, sync: false) }),
            Contestant(
                name: "RocksDB", setting: "sync", role: .peer, guarantee: .power, abilities: everything,
                open: { try RocksDBEngine($0, sync: true) }),
        ]
    }()

    private static let sqlite = [
        Contestant(
            name: "SQLite", setting: "NORMAL", role: .peer, guarantee: .process, abilities: everything,
            open: { try SQLiteEngine($0, synchronous: "NORMAL") }),
        Contestant(
            name: "SQLite", setting: "FULL", role: .peer, guarantee: .power, abilities: everything,
            open: { try SQLiteEngine($0, synchronous: "FULL") }),
    ]

    private static let grdb = [
        Contestant(
            name: "GRDB", setting: "NORMAL", role: .peer, guarantee: .process, abilities: everything.union([.tasks]),
            open: { try GRDBEngine($0, synchronous: nil) }),
        Contestant(
            name: "GRDB", setting: "FULL", role: .peer, guarantee: .power, abilities: everything.union([.tasks]),
            open: { try GRDBEngine($0, synchronous: "FULL") }),
    ]
}
