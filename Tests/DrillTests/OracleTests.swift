// The oracle, walked through every kind of loss it must see.

@testable import Drill
import Testing

@Suite struct OracleTests {
    private static let seed: UInt64 = 42

    /// Two writers, five acknowledged changes each, LSNs in the order 0/1, 1/1, 0/2, 1/2, …
    private static func history() -> History {
        var history = History()
        var lsn: UInt64 = 10
        for number in 1...5 {
            for writer in 0...1 {
                history.begin(writer: writer)
                history.acknowledge(Change(writer: writer, number: number), lsn: lsn)
                lsn += 1
            }
        }
        return history
    }

    private static func store(_ changes: [(Int, Int)]) -> [String: String] {
        var rows: [String: String] = [:]
        for (writer, number) in changes {
            let change = Change(writer: writer, number: number)
            rows[change.key] = change.value(seed: seed).word
        }
        return rows
    }

    private static var whole: [String: String] { store((1...5).flatMap { [(0, $0), (1, $0)] }) }

    private func judge(
        _ recovered: [String: String], _ history: History = OracleTests.history(), _ survival: Survival = .process
    ) -> Verdict {
        Oracle.judge(history, recovered: recovered, seed: Self.seed, survival: survival)
    }

    @Test func wholeStoreIsWithoutFindings() {
        let verdict = judge(Self.whole)
        #expect(verdict.findings.isEmpty)
        #expect(verdict.acknowledged == 10)
        #expect(verdict.recovered == 10)
        #expect(verdict.lost == 0)
    }

    @Test func changeOnItsWayMayBeThereOrNot() {
        var recovered = Self.whole
        recovered.merge(Self.store([(0, 6)])) { $1 }
        #expect(judge(recovered).findings.isEmpty)
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout [String: String]) -> Void
        let findings: Set<Verdict.Finding>
        let lost: Int
    }

    @Test(arguments: [
        Damage(
            testDescription: "missing at the end", change: { $0["w1/5"] = nil },
            findings: [.missing(Change(writer: 1, number: 5))], lost: 1),
        Damage(
            testDescription: "missing in the middle", change: { $0["w0/3"] = nil },
            findings: [
                .missing(Change(writer: 0, number: 3)), .gap(Change(writer: 0, number: 3)),
                .hole(Change(writer: 0, number: 3)),
            ], lost: 1),
        Damage(
            testDescription: "missing, with a later change of another writer there", change: { $0["w0/5"] = nil },
            findings: [.missing(Change(writer: 0, number: 5)), .hole(Change(writer: 0, number: 5))], lost: 1),
        Damage(
            testDescription: "value of another change", change: { $0["w0/2"] = $0["w0/3"] },
            findings: [.wrongValue(Change(writer: 0, number: 2))], lost: 1),
        Damage(
            testDescription: "value of another type", change: { $0["w0/4"] = "text:\($0["w0/4"] ?? "")" },
            findings: [.wrongValue(Change(writer: 0, number: 4))], lost: 1),
        Damage(
            testDescription: "key nobody makes", change: { $0["stray"] = "int:1" }, findings: [.foreign(key: "stray")],
            lost: 0),
        Damage(
            testDescription: "key of a writer there was not",
            change: { $0["w7/1"] = Change(writer: 7, number: 1).value(seed: 42).word },
            findings: [.foreign(key: "w7/1")], lost: 0),
        Damage(
            testDescription: "change two ahead of the last answer",
            change: {
                $0["w0/6"] = Change(writer: 0, number: 6).value(seed: 42).word
                $0["w0/7"] = Change(writer: 0, number: 7).value(seed: 42).word
            }, findings: [.foreign(key: "w0/7")], lost: 0),
        Damage(
            testDescription: "key written differently", change: { $0["w0/05"] = $0["w0/5"] },
            findings: [.foreign(key: "w0/05")], lost: 0),
    ])
    func damageIsFound(damage: Damage) {
        var recovered = Self.whole
        damage.change(&recovered)
        let verdict = judge(recovered)
        #expect(Set(verdict.findings) == damage.findings)
        #expect(verdict.lost == damage.lost)
    }

    @Test func nothingRecoveredIsAllLost() {
        #expect(judge([:]).lost == 10)
    }

    @Test func refusedChangeThatAppearsIsFound() {
        var history = Self.history()
        history.reject(Change(writer: 0, number: 6))
        var recovered = Self.whole
        #expect(judge(recovered, history).findings.isEmpty)
        recovered.merge(Self.store([(0, 6)])) { $1 }
        #expect(judge(recovered, history).findings == [.risen(Change(writer: 0, number: 6))])
    }

    @Test func powerLossMayTakeProcessChangesBehindTheLastPowerAnswer() {
        var history = Self.history()
        history.acknowledge(Change(writer: 0, number: 6), lsn: 20)
        history.acknowledge(Change(writer: 1, number: 6), lsn: 21)
        #expect(judge(Self.whole, history, .power).lost == 0)
        #expect(judge(Self.whole, history, .power).findings.isEmpty)
        #expect(judge(Self.whole, history, .process).lost == 2)
    }

    @Test func powerLossMayNotTakeAnOlderProcessChangeBeforeANewerOne() {
        var history = Self.history()
        history.acknowledge(Change(writer: 0, number: 6), lsn: 20)
        history.acknowledge(Change(writer: 1, number: 6), lsn: 21)
        var recovered = Self.whole
        recovered.merge(Self.store([(1, 6)])) { $1 }
        #expect(judge(recovered, history, .power).findings == [.hole(Change(writer: 0, number: 6))])
    }

    @Test func powerLossMayNotTakeWhatAPowerAnswerCovers() {
        var recovered = Self.whole
        recovered["w1/4"] = nil
        recovered["w1/5"] = nil
        #expect(judge(recovered, Self.history(), .power).lost == 2)
    }

    @Test func nextRoundDemandsWhatTheLastOneFound() {
        var history = Self.history()
        var recovered = Self.whole
        recovered.merge(Self.store([(0, 6)])) { $1 }
        history.adopt(recovered)
        #expect(judge(recovered, history).findings.isEmpty)
        #expect(judge(Self.whole, history).findings == [.missing(Change(writer: 0, number: 6))])
        recovered.merge(Self.store([(1, 6)])) { $1 }
        #expect(judge(recovered, history).findings == [.foreign(key: "w1/6")])
    }

    @Test func valuesDifferFromChangeToChangeAndSeedToSeed() {
        let values = (1...200).map { Change(writer: 0, number: $0).value(seed: 1) }
        #expect(Set(values).count == 200)
        #expect(Change(writer: 0, number: 3).value(seed: 1) != Change(writer: 0, number: 3).value(seed: 2))
        #expect(Change(writer: 1, number: 4).value(seed: 1) != Change(writer: 0, number: 4).value(seed: 1))
    }

    @Test func messagesComeBackAsTheyWereSent() {
        let messages: [Message] = [
            .began(writer: 3), .acknowledged(Change(writer: 1, number: 2), lsn: 9),
            .refused(Change(writer: 1, number: 3)),
            .unknown(Change(writer: 2, number: 3)), .phase(.closing), .hook(reason: "error: no space"),
            .row(key: "w1/2", word: "text:a b"), .ended(kind: "exit", status: 3, text: "exit(3) (certain): x y"),
            .ended(kind: "killed", status: nil, text: "killed"), .done(rows: 7), .trouble("a: b"),
        ]
        for message in messages { #expect(Message(line: Substring(message.line)) == message) }
        #expect(Message(line: "a 1") == nil)
        #expect(Message(line: "") == nil)
    }

    @Test func roleComesBackFromItsArguments() {
        var role = ChildRole()
        role.part = .writes
        role.store = "/a folder/x=y"
        role.ending = .diesClosing
        role.dieIn = 7
        role.tears = true
        #expect(ChildRole(arguments: role.arguments)?.arguments == role.arguments)
        #expect(ChildRole(arguments: ["drill"]) == nil)
        #expect(ChildRole(arguments: []) == nil)
    }
}
