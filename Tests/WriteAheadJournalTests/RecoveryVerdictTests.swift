import Foundation
import TestSupport
import Testing

@testable import WriteAheadJournal

/// Walks every combination of what may be found of a store: each has a verdict, no verdict is unsound, and it is the one
/// that the tables of docs/failure-model.md give. About three million combinations: 13 s in a debug build.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RecoveryVerdictTests {
    private static let walk = RecoveryWalk()

    /// The package's folder.
    private static let root: String? = {
        var folder = URL(fileURLWithPath: #filePath)
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            if FileManager.default.fileExists(atPath: folder.path + "/Package.swift") { return folder.path }
        }
        return nil
    }()

    /// What is not true of an opening, and must be.
    private static func isUntrue(opening found: RecoveryFindings, _ verdict: RecoveryBits) -> String? {
        let isRotten = found.journalWAL == .rotten
        guard !isRotten || verdict.contains(.resupplies) else { return "rot that nothing makes up for is never opened" }
        guard !isRotten || found.boot == .same else { return "rot is made up for only while the machine goes on" }
        if found.logEnd == .beforeMark {
            guard found.tailRecords == .reachMark, found.journalExamination == .whole, verdict.contains(.resupplies)
            else { return "a log before its mark is opened only with all up to the mark, and whole" }
        }
        if verdict.contains(.resupplies) {
            guard verdict.contains(.of(.journalResupplied)) else { return "records that come back are reported" }
        }
        if isRotten || found.bytes == .repaired || found.stateWAL == .rotten || found.logEnd == .beforeMark {
            guard verdict.has(anyOf: .reports) else { return "what was altered is never passed over" }
        }
        guard found.journalWAL != .linked || found.journalExamination == .whole,
            isOfACrash(found.stateWAL) || found.stateExamination == .whole
        else { return "a database without a transaction that may be lost has been looked at" }
        guard verdict.contains(.cutsJournal) == isRotten,
            verdict.contains(.cutsState) == (found.stateWAL == .rotten)
        else { return "what hangs behind a break goes, and nothing else" }
        guard verdict.contains(.clearsJournal) == (found.journalWAL == .headerBroken),
            verdict.contains(.clearsState) == (found.stateWAL == .headerBroken)
        else { return "salts of a broken header are not used again" }
        if found.lastRun == .goesOn {
            guard !verdict.has(anyOf: RecoveryBits(.synced, .rewritten, .of(.pageAltered), .of(.tailLost)))
            else { return "a live owner's files are left alone, and his page and tail are not judged" }
        } else {
            guard found.page != .poisoned || verdict.contains(.rewritten),
                found.lastRun != .unended || verdict.has(anyOf: RecoveryBits(.synced, .rewritten))
            else { return "nothing is built on what a run without an end, or a failed sync, may have left unsynced" }
        }
        let isTailLost = found.lastRun == .unended && found.boot == .same && found.tailEnd != .asLeft
        guard verdict.contains(.of(.tailLost)) == isTailLost
        else { return "changes of the tail are called lost only after the death of a process, and then always" }
        guard found.table == .continued || found.table == .behindLog && found.lastRun == .goesOn
        else { return "the log continues the table" }
        guard !isOfACrash(found) || !verdict.has(anyOf: .reports)
        else { return "of what a crash leaves nothing is reported" }
        return nil
    }

    /// The same where a store is refused, or something is asked first.
    private static func isUntrue(refusing found: RecoveryFindings, _ verdict: RecoveryBits) -> String? {
        guard !verdict.has(anyOf: .acts), !verdict.has(anyOf: .reports)
        else { return "nothing is done, and nothing reported" }
        guard !isOfACrash(found) else { return "what a crash leaves is opened" }
        guard verdict.isQuestion else { return nil }
        let isOpen =
            verdict == .of(.repairedBytes) && found.bytes == .altered
            || verdict == .of(.journalExamination) && found.journalExamination == .notAsked
            || verdict == .of(.stateExamination) && found.stateExamination == .notAsked
        return isOpen ? nil : "one question is asked at a time, and none again that has its answer"
    }

    private static func isOfACrash(_ wal: RecoveryFindings.WAL) -> Bool {
        switch wal {
        case .sound, .torn, .headerBroken: true
        case .linked, .rotten: false
        }
    }

    private static func isOfACrash(_ found: RecoveryFindings) -> Bool {
        found.table == .continued && found.bytes == .none && found.logEnd == .reachesMark && found.page != .altered
            && isOfACrash(found.journalWAL) && isOfACrash(found.stateWAL)
            && (found.tailEnd == .asLeft || found.boot == .other)
    }

    @Test func noVerdictIsUnsound() {
        var wrong: [String] = []
        Self.walk.each { found, verdict, _ in
            let rule =
                verdict.opens
                ? Self.isUntrue(opening: found, verdict) : Self.isUntrue(refusing: found, verdict)
            if let rule, wrong.count < 10 { wrong.append("not true that \(rule): \(verdict.words), \(found)") }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
        #expect(RecoveryWalk.count == 2_916_000)
    }

    /// From each value to a worse one.
    private static let worse: [(RecoveryWalk.Dimension, [(Int, Int)])] = [
        (.journalWAL, [(0, 1), (1, 2), (2, 3), (1, 4)]), (.stateWAL, [(0, 1), (1, 2), (2, 3), (1, 4)]),
        (.bytes, [(0, 2)]), (.logEnd, [(0, 1)]), (.tailRecords, [(2, 1), (1, 0)]), (.tailEnd, [(0, 1), (0, 2)]),
        (.page, [(0, 2), (1, 3)]), (.lastRun, [(0, 1), (1, 2)]), (.journalExamination, [(1, 2)]),
        (.stateExamination, [(1, 2)]), (.table, [(0, 1), (0, 2), (0, 3), (0, 4)]),
    ]

    @Test func worseFindingIsNeverTakenMoreLightly() {
        let walk = Self.walk
        var wrong: [String] = []
        for (dimension, steps) in Self.worse {
            let stride = RecoveryWalk.strides[dimension.rawValue]
            let block = stride * RecoveryWalk.sizes[dimension.rawValue]
            for (from, to) in steps {
                for start in Swift.stride(from: 0, to: RecoveryWalk.count, by: block) {
                    for number in start + from * stride..<start + (from + 1) * stride {
                        let here = walk[number], there = walk[number + (to - from) * stride]
                        // A question is no verdict yet.
                        guard there.opens, !here.isQuestion, there.isLaxer(than: here) else { continue }
                        let found = RecoveryWalk.found(number)
                        // Of rot behind the mark nobody knows what it took; before it the tail has that, while the machine
                        // goes on.
                        if dimension == .logEnd && found.journalWAL == .rotten && found.boot == .same { continue }
                        if wrong.count < 10 { wrong.append("\(dimension) \(from) to \(to): \(found)") }
                    }
                }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    /// Who only reads is refused where bytes have to be repaired, and is told the same everywhere else.
    @Test func readerAndOpeningAgree() {
        var wrong = 0
        RecoveryWalk.eachFinding { found, _ in
            let opening = RecoveryVerdict(found)
            let isSame = opening.forReading == opening
            if isSame == (found.bytes == .altered) { wrong += 1 }
            if !isSame, opening.forReading != .refuse([.bytesAltered]) { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    /// The page's tables are those of the function: they are printed from it, and what they say together of each combination
    /// is its verdict.
    @Test func pageHasTheTablesOfTheVerdict() throws {
        let tables = RecoveryTable.all(Self.walk)
        var wrong: [String] = []
        Self.walk.each { found, verdict, digits in
            var said = RecoveryBits()
            for table in tables { said = said.union(table.outcome(of: digits)) }
            if said.composed != verdict && wrong.count < 10 {
                wrong.append("the tables say \(said.composed.words), the verdict is \(verdict.words): \(found)")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")

        let path = try #require(Self.root) + "/docs/failure-model.md"
        let page = try String(contentsOfFile: path, encoding: .utf8)
        let begin = "<!-- Printed by RecoveryVerdictTests: -->\n", end = "<!-- End of what is printed. -->"
        let head = try #require(page.range(of: begin)), foot = try #require(page.range(of: end))
        let printed = "\n" + tables.map(\.text).joined(separator: "\n") + "\n"
        guard page[head.upperBound..<foot.lowerBound] != printed else { return }
        guard ProcessInfo.processInfo.environment["PRINT_TABLES"] != nil else {
            Issue.record(
                "docs/failure-model.md is not current: PRINT_TABLES=1 swift test --filter RecoveryVerdictTests prints it"
            )
            return
        }
        let current = page.replacingCharacters(in: head.upperBound..<foot.lowerBound, with: printed)
        try current.write(toFile: path, atomically: true, encoding: .utf8)
    }
}
