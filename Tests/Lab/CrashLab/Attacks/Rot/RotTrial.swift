// One case: damages a store, opens it as the next start would, and judges what it finds and what it is told.

internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct RotTrial {
    struct Finding {
        var outcome: LabOutcome
        /// How it came to that, in one word for counting.
        var how: String
        var what = ""
    }

    /// Who reads the altered store: the product, or, in a control, somebody who compares nothing (RotNaiveReader.swift).
    enum Reader: String {
        case store, naive
        /// What was made durable is all that this one has to find.
        case naiveWithoutTail
    }

    private let cases: RotCases
    private let damage: RotDamage
    /// What is in each store after so many changes.
    private let contents: [[[String: String]]]
    private let path: String
    private let reader: Reader

    init(_ cases: RotCases, in path: String, reader: Reader = .store) {
        self.cases = cases
        self.path = path
        self.reader = reader
        damage = RotDamage(cases: cases)
        contents = cases.stores.map { store in
            (0...store.changes).map { RotStore.content(after: $0, seed: cases.seed) }
        }
    }

    /// Plays the case in an empty folder, which it leaves as it ended.
    func play(_ rot: RotCase, number: Int) throws -> Finding {
        guard try damage.make(rot, number: number, in: path) else {
            return Finding(outcome: .whole, how: "unchanged")
        }
        if reader != .store { return readNaively(rot) }
        // A reader judges by itself, and writes nothing: what it finds must be as true.
        if number % cases.extent.casesPerReader == 1 {
            let seen = judge(rot) { () throws(StoreError) in try StateStore.openReadOnly(path) }
            if seen.outcome == .lost || seen.outcome == .wrong {
                return Finding(outcome: seen.outcome, how: seen.how, what: "read-only: \(seen.what)")
            }
        }
        var last: StateStore?
        var options = RotStore.options
        if cases.stores[rot.store].kind == .cut { options.boot = "after the power cut" }
        var found = judge(rot) { () throws(StoreError) in
            let store = try StateStore.open(path, options: options)
            last = store
            return store
        }
        if found.outcome == .whole, let store = last, isFollowed(rot, number) {
            last = nil
            if let later = goOn(store) { found = later }
        }
        return found
    }

    /// Whether the store is written to afterwards and opened again.
    private func isFollowed(_ rot: RotCase, _ number: Int) -> Bool {
        switch rot.damage {
        case .bit, .byte: number % cases.extent.casesPerFollowed == 0
        case .sector, .surgery, .cut, .exchanged: true
        }
    }

    private func judge(_ rot: RotCase, _ open: () throws(StoreError) -> StateStore) -> Finding {
        let store: StateStore
        do throws(StoreError) {
            store = try open()
        } catch {
            switch error.code {
            case .damaged, .notAStore, .newerFormat, .ioError, .unsupported:
                return Finding(outcome: .detected, how: "refused as \(error.code.rawValue)", what: error.message)
            default:
                return Finding(outcome: .wrong, how: error.code.rawValue, what: "refused for no reason: \(error)")
            }
        }
        let rows: [String: String]
        do {
            rows = try store.rows()
        } catch {
            return Finding(outcome: .wrong, how: "unreadable", what: "\(error)")
        }
        return judge(rot, rows, store.recovery)
    }

    private func readNaively(_ rot: RotCase) -> Finding {
        do {
            return judge(rot, try RotNaiveReader(path, takesTail: reader == .naive).rows, nil)
        } catch {
            return Finding(outcome: .detected, how: "unreadable", what: "\(error)")
        }
    }

    /// - Parameter report: what the start says of what it found; nil for a reader that says nothing.
    private func judge(
        _ rot: RotCase, _ rows: [String: String], _ report: StateStore.RecoveryReport?
    ) -> Finding {
        let store = cases.stores[rot.store]
        let contents = contents[rot.store]
        let isReported = report?.damage.isEmpty == false
        let last = rows.keys.reduce(0) { max($0, Change(key: $1)?.number ?? 0) }
        guard last < contents.count, rows == contents[last] else {
            var history = History()
            for number in stride(from: 1, through: store.changes, by: 1) {
                history.acknowledge(Change(writer: 0, number: number), lsn: nil)
            }
            let changes = rows.filter { Change(key: $0.key) != nil }
            let verdict = Oracle.judge(history, recovered: changes, seed: cases.seed, survival: .process)
            let what = verdict.findings.first?.description ?? "cells are not those of change \(last)"
            return Finding(outcome: .wrong, how: "wrong", what: what)
        }
        let promised = reader == .naiveWithoutTail ? store.durable : store.changes
        if last >= promised { return Finding(outcome: .whole, how: isReported ? "repaired" : "whole") }
        let what = "changes behind \(last) are gone, of \(store.changes)"
        guard last >= store.durable else { return Finding(outcome: .lost, how: "lost", what: what) }
        if isReported { return Finding(outcome: .detected, how: "reported", what: what) }
        guard let report, store.kind == .cut else { return Finding(outcome: .lost, how: "lost", what: what) }
        // The page does not prove that the log goes so far: then the report has to say what is not proved.
        if report.bytesDiscarded > 0 { return Finding(outcome: .detected, how: "reported as discarded", what: what) }
        guard report.provenLSN < report.lastLSN else { return Finding(outcome: .lost, how: "lost", what: what) }
        return Finding(outcome: .detected, how: "reported as unproven", what: what)
    }

    /// A store that opened whole goes on: what it acknowledges now is there at the next start.
    private func goOn(_ store: StateStore) -> Finding? {
        var expected: [String: String] = [:]
        do throws(StoreError) {
            expected = try store.rows()
            for number in 1...3 {
                try store.set("later/\(number)", number)
                expected["later/\(number)"] = "int:\(number)"
            }
            try store.remove("later/2")
            expected["later/2"] = nil
            try store.checkpoint()
            try store.close()
        } catch {
            // What it could not do it said. What it had acknowledged is there all the same, or the next start tells.
            _ = Result { () throws(StoreError) in try store.close() }
            let unanswered = Set((1...3).map { "later/\($0)" }.filter { expected[$0] == nil || $0 == "later/2" })
            let found = nextStart(expected, besides: unanswered, mayReport: true)
            return found
                ?? Finding(outcome: .detected, how: "detected later as \(error.code.rawValue)", what: error.message)
        }
        return nextStart(expected)
    }

    /// What is wrong with the next start; nil where it has everything, and nothing else but some of `besides`.
    ///
    /// - Parameter mayReport: what is gone is detected where the start says so.
    private func nextStart(
        _ expected: [String: String], besides: Set<String> = [], mayReport: Bool = false
    ) -> Finding? {
        do throws(StoreError) {
            let next = try StateStore.open(path, options: RotStore.options)
            let rows = try next.rows()
            let isReported = mayReport && !next.recovery.damage.isEmpty
            try next.close()
            let other = Set(expected.keys).union(rows.keys).subtracting(besides).filter { rows[$0] != expected[$0] }
            if other.isEmpty { return nil }
            return Finding(
                outcome: isReported ? .detected : .lost, how: isReported ? "reported later" : "lost later",
                what: "after going on: \(other.sorted().prefix(3).joined(separator: ", "))")
        } catch {
            return Finding(outcome: .detected, how: "detected later as \(error.code.rawValue)", what: error.message)
        }
    }
}
