// A benchmark whose engines do not keep what they are given measures nothing. Each engine here writes, overwrites, reads,
// scans, is opened again, is killed.

import Foundation
import Testing

@testable import Compare

@Suite struct EngineTests {
    static let stores = Contestants.all.filter { $0.abilities.contains(.read) }

    @Test(arguments: stores.map(\.label))
    func whatIsWrittenIsReadBack(_ label: String) throws {
        let folder = try TestFolder()
        let contestant = try #require(Self.stores.first { $0.label == label })
        let player = try Player(contestant, folder.path, Model(keys: 300, values: Values(size: 100)), seed: 1)
        let engine = try player.engine()
        let model = player.model
        try engine.put((0..<200).map { model.write($0) })
        for number in stride(from: 0, to: 250, by: 7) { try engine.put(model.write(number)) }
        // Twice in one batch: the later one counts.
        try engine.put([model.write(3), model.write(3)])
        for number in 0..<300 {
            var value: [UInt8]?
            let found = try engine.get(Key(number)) { value = Array($0) }
            #expect(found == (model.versions[number] > 0))
            guard found else { continue }
            let right = try #require(value).withUnsafeBytes {
                model.values.isRight($0, number, version: model.versions[number])
            }
            #expect(right, "key \(number)")
        }
        try player.verify()
        try engine.settle()
        try player.verify()
        if contestant.abilities.contains(.restart) {
            try player.close()
            try player.verify()
        }
        try player.close()
    }

    @Test(arguments: Contestants.all.filter { $0.role != .limit }.map(\.label))
    func changesFromTasksAreReadBack(_ label: String) async throws {
        let folder = try TestFolder()
        let contestant = try #require(Contestants.all.first { $0.label == label })
        let player = try Player(contestant, folder.path, Model(keys: 40, values: Values(size: 100)), seed: 1)
        let engine = try player.engine()
        for number in 0..<40 { try await engine.putFromTask(player.model.write(number)) }
        try player.verify()
        try player.close()
    }

    @Test(arguments: Contestants.with(.process, .restart).map(\.label))
    func nothingIsLostWhenTheProcessIsKilled(_ label: String) throws {
        let folder = try TestFolder()
        let contestant = try #require(Contestants.all.first { $0.label == label })
        let player = try Player(contestant, folder.path, Model(keys: 1_000, values: Values(size: 100)), seed: 1)
        try KilledChild.write(contestant, folder.path, 1_000, program: program)
        KilledChild.entries(1_000, player.model) { _ in }
        try player.verify()
        try player.close()
    }

    // Syncs are counted for the whole process: these two run in one of their own.

    @Test func everyEngineKeepsTheGuaranteeOfItsRow() async {
        await #expect(processExitsWith: .success) {
            let folder = try TestFolder()
            try Contest(plan: .tiny, folder: folder.path, progress: Progress()).checkGuarantees()
        }
    }

    /// GRDB's pool sets NORMAL after the configuration's own pragmas: so it would have looked six times as quick.
    @Test func anEngineThatDoesNotSyncIsFoundOut() async {
        await #expect(processExitsWith: .success) {
            let folder = try TestFolder()
            let pretender = Contestant(
                name: "SQLite", setting: "NORMAL as FULL", role: .peer, guarantee: .power, abilities: [.put, .read],
                open: { try SQLiteEngine($0, synchronous: "NORMAL") })
            #expect(throws: Failure.self) { try Contest.check(pretender, folder.path + "/check") }
        }
    }

    @Test(arguments: Forgetful.Fault.allCases)
    func anEngineThatLosesOrMixesUpIsFoundOut(_ fault: Forgetful.Fault) throws {
        let folder = try TestFolder()
        let contestant = Contestant(
            name: "forgetful", setting: "\(fault)", role: .peer, guarantee: .process, abilities: [.put, .read],
            open: { _ in Forgetful(fault) })
        let player = try Player(contestant, folder.path, Model(keys: 10, values: Values(size: 100)), seed: 1)
        for _ in 0..<2 { for number in 0..<10 { try player.engine().put(player.model.write(number)) } }
        #expect(throws: Failure.self) { try player.verify() }
        #expect(throws: Failure.self) {
            try player.tally.run(10, on: player.engine(), player.model.values) {
                .get(Key($0), player.model.versions[$0])
            }
        }
    }
}

/// An engine with one fault.
final class Forgetful: Engine, @unchecked Sendable {
    // Used by one thread.
    enum Fault: CaseIterable { case losesAKey, keepsAnOldValue, flipsABit, mixesUpTwoKeys, cutsAValue }
    private let fault: Fault
    private var content: [String: [UInt8]] = [:]

    init(_ fault: Fault) { self.fault = fault }

    func put(_ entry: Entry) throws {
        if fault == .keepsAnOldValue, entry.key.number == 5, content[entry.key.text] != nil { return }
        content[entry.key.text] = entry.value
    }

    func put(_ batch: [Entry]) throws { for entry in batch { try put(entry) } }

    private func stored(_ key: String) -> [UInt8]? {
        guard key == Key(5).text, var value = content[key] else { return content[key] }
        switch fault {
        case .losesAKey: return nil
        case .flipsABit: value[99] ^= 1
        case .mixesUpTwoKeys: value = content[Key(6).text] ?? []
        case .cutsAValue: value.removeLast()
        case .keepsAnOldValue: break
        }
        return value
    }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        guard let value = stored(key.text) else { return false }
        try value.withUnsafeBytes(found)
        return true
    }

    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {
        for name in content.keys.sorted() {
            guard let value = stored(name) else { continue }
            try Array(name.utf8).withUnsafeBytes { key in try value.withUnsafeBytes { try entry(key, $0) } }
        }
    }

    func close() throws {}
}
