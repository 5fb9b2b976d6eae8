import TestSupport
import Testing

@testable import WriteAheadJournal

/// What folds leave in the table, against a dictionary; each look recomputes the digest.
@Suite(.timeLimit(.minutes(5))) struct StateDatabaseTests {
    private struct Place: Hashable {
        var name: String
        var key: String
    }

    private func makeStore(_ path: String) throws -> StateDatabase {
        try TinyStore(path).close()
        return try StateDatabase(folder: path, vfs: nil)
    }

    private func rows(_ state: StateDatabase) throws -> [Place: PlainOperation] {
        var rows: [Place: PlainOperation] = [:]
        try state.load { name, key, kind, value in
            let row = PlainOperation(Operation(code: .set, name: name, key: key, kind: kind, value: value))
            rows[Place(name: row.name, key: row.key)] = row
        }
        return rows
    }

    private func set(_ key: String, _ value: [UInt8], name: String = "") -> PlainOperation {
        PlainOperation(code: .set, name: name, key: key, kind: ValueKind.bytes.rawValue, value: value)
    }

    /// Folds that touch few of many rows and nearly all of them, several names, rows beyond the last, equal ones.
    @Test(arguments: [0, 2_000] as [Int], 0..<8) func tableIsWhatADictionaryHolds(valueBytes: Int, seed: UInt64) throws
    {
        var random = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        let state = try makeStore(folder("s"))
        defer { state.close() }
        var model: [Place: PlainOperation] = [:]
        for _ in 0..<12 {
            var log = OperationLog(after: state.meta.checkpoint)
            let before = model
            var touched: Set<Place> = []
            let span = [3, 40, 700].randomElement(using: &random)!
            for _ in 0..<[1, 30, 1_500].randomElement(using: &random)! {
                let name = ["", "", "", "n", "na"].randomElement(using: &random)!
                let key = "k" + String(Int.random(in: 0..<span, using: &random), radix: 36)
                let place = Place(name: name, key: key)
                touched.insert(place)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    try log.add([[PlainOperation(code: .remove, name: name, key: key)]])
                    model[place] = nil
                } else {
                    let value = [UInt8](repeating: .random(in: 0...3, using: &random), count: 1 + valueBytes)
                    try log.add([[set(key, value, name: name)]])
                    model[place] = set(key, value, name: name)
                }
            }
            let written = try state.apply(log.fold)
            #expect(written == touched.count { before[$0] != model[$0] }, "seed \(seed)")
            #expect(try rows(state) == model, "seed \(seed)")
            #expect(state.meta.checkpoint == log.position && state.meta.rows == model.count)
        }
    }

    /// A thousand changes to each of ten keys write ten rows; a row that is what it should be is not written at all.
    @Test func rowsWrittenAreTheKeysThatChanged() throws {
        let folder = try TemporaryFolder()
        let state = try makeStore(folder("s"))
        defer { state.close() }
        var log = OperationLog(after: state.meta.checkpoint)
        for round in 0..<1_000 { try log.add([(0..<10).map { set("key\($0)", [UInt8(round % 7)]) }]) }
        #expect(try state.apply(log.fold) == 10)
        let digest = state.meta.digest
        log = OperationLog(after: state.meta.checkpoint)
        try log.add([(0..<10).map { set("key\($0)", [9]) }])
        try log.add([(0..<9).map { set("key\($0)", [UInt8(999 % 7)]) }])
        #expect(try state.apply(log.fold) == 1)
        #expect(state.meta.digest != digest)
        log = OperationLog(after: state.meta.checkpoint)
        try log.add([[set("key9", [UInt8(999 % 7)])]])
        #expect(try state.apply(log.fold) == 1)
        #expect(state.meta.digest == digest)
        #expect(try state.apply(FoldedChanges(after: state.meta.checkpoint)) == 0)
    }
}
