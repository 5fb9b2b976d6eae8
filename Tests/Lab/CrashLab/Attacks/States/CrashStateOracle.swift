// The oracle of the attack `states`: a store's whole state must be the one after some prefix of the changes.
//
// It asks for more than the drill's, of one writer's changes: acknowledged ⊆ recovered ⊆ submitted, in order, values
// exact, transactions whole, removed keys gone, overwritten ones not back. A state is known by its digest, the sum of a
// hash for each key and value; where a digest is none of those, keys are compared for the report.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

struct CrashStateOracle: Sendable {
    enum Finding: Hashable, Sendable, CustomStringConvertible {
        /// The state after fewer changes than were answered.
        case lost(found: Int, answered: Int)
        /// The state after more changes than were begun.
        case early(found: Int, begun: Int)
        /// No state there ever was.
        case foreign(String)

        var description: String {
            switch self {
            case .lost(let found, let answered):
                "the state is that after change \(found), and change \(answered) was answered"
            case .early(let found, let begun): "the state is that after change \(found), and only \(begun) were begun"
            case .foreign(let what): "the state is none that ever was: \(what)"
            }
        }
    }

    /// By key, the hash of its entry.
    private var now: [String: UInt64] = [:]
    private var digest: UInt64 = 0
    /// The digest after each change; the first one is that before all.
    private(set) var digests: [UInt64] = [0]
    /// What each change did, for reports.
    private var changes: [[(key: String, hash: UInt64?)]] = []
    private var first: [String: UInt64] = [:]

    /// An entry that is there before the first change.
    mutating func begin(_ key: String, _ value: CrashStateValue) {
        put(key, Self.hash(key, value))
        digests = [digest]
        first = now
    }

    /// The next change.
    mutating func add(_ change: [(key: String, value: CrashStateValue?)]) {
        var done: [(key: String, hash: UInt64?)] = []
        for (key, value) in change {
            let hash = value.map { Self.hash(key, $0) }
            put(key, hash)
            done.append((key, hash))
        }
        changes.append(done)
        digests.append(digest)
    }

    private mutating func put(_ key: String, _ hash: UInt64?) {
        digest &-= now[key] ?? 0
        now[key] = hash
        digest &+= hash ?? 0
    }

    // MARK: Judging

    /// What a store holds: its digest, and the hashes where they are asked for.
    static func read(_ store: StateStore) throws(StoreError) -> UInt64 {
        var digest: UInt64 = 0
        for entry in try store.entries() { digest &+= hash(entry.keyBytes, entry.kind, entry.valueBytes) }
        return digest
    }

    static func entries(_ store: StateStore) throws(StoreError) -> [String: UInt64] {
        var entries: [String: UInt64] = [:]
        for entry in try store.entries() { entries[entry.key] = hash(entry.keyBytes, entry.kind, entry.valueBytes) }
        return entries
    }

    /// Nil where the digest is that after so many changes as are allowed.
    ///
    /// - Parameter entries: what there is, for the report on a digest that is unknown.
    func judge(_ digest: UInt64, _ allowed: ClosedRange<Int>, entries: [String: UInt64] = [:]) -> Finding? {
        if digests[allowed].contains(digest) { return nil }
        if let later = digests[(allowed.upperBound + 1)...].firstIndex(of: digest) {
            return .early(found: later, begun: allowed.upperBound)
        }
        if let earlier = digests[..<allowed.lowerBound].lastIndex(of: digest) {
            return .lost(found: earlier, answered: allowed.lowerBound)
        }
        return .foreign(difference(entries, allowed))
    }

    /// The first difference to the nearest allowed state.
    private func difference(_ found: [String: UInt64], _ allowed: ClosedRange<Int>) -> String {
        var state = first
        var best: [String] = []
        var bestAt = -1
        for number in 0...allowed.upperBound {
            if number > 0 { for (key, hash) in changes[number - 1] { state[key] = hash } }
            guard number >= allowed.lowerBound else { continue }
            let keys = Set(state.keys).union(found.keys).filter { state[$0] != found[$0] }.sorted()
            if bestAt < 0 || keys.count < best.count { (best, bestAt) = (keys, number) }
        }
        let words = best.prefix(3).map { key in
            "\(key.prefix(20)) is \(found[key] == nil ? "missing" : "there with a value of its own")"
        }
        return "\(best.count) keys differ from the state after change \(bestAt): \(words.joined(separator: ", "))"
    }

    private static func hash(_ key: String, _ value: CrashStateValue) -> UInt64 {
        let (kind, bytes) = value.stored
        return Array(key.utf8).withUnsafeBytes { key in bytes.withUnsafeBytes { hash(key, kind, $0) } }
    }

    private static func hash(_ key: UnsafeRawBufferPointer, _ kind: UInt8, _ value: UnsafeRawBufferPointer) -> UInt64 {
        var parts = (XXH64.hash(key), XXH64.hash(value), UInt64(kind))
        return withUnsafeBytes(of: &parts) { XXH64.hash($0) }
    }
}
