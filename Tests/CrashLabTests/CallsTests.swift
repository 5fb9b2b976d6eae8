// A slice of `lab calls`, and that its tracer and its proof of order can tell.

#if CommandLine && os(Linux) && arch(x86_64)
@testable import CrashLab
@testable import Drill
import Glibc
import Testing
import WriteAheadJournal

@Suite(.serialized) struct CallsTests {
    @Test func sliceLosesNothing() throws {
        let plan = LabPlan(seed: 20_261_123, cases: 60, executable: builtLab)
        let report = try CallsAttack.run(plan) { _, _ in }
        #expect(report.isGood, "\(report.text)")
        #expect((6...28).contains(report.cases) && report.outcomes[.whole] == report.cases, "\(report.text)")
        #expect(report.counts.first { $0.name.hasPrefix("answers") }?.count == 12)
        #expect(report.next == 60)
    }

    /// A number says which call of which work meets what, whatever a run has counted: else the command that is printed for a
    /// failure plays another case. All numbers are all calls, works and events.
    @Test func numberIsOneCallOfOneWork() {
        var seen: Set<Int> = []
        for number in 0..<CallsAttack.numbers {
            let one = CallsAttack.Case(number, seed: 9)
            let work = CallsWork.allCases.firstIndex(of: one.work) ?? -1
            let event = CallsAttack.Event.allCases.firstIndex(of: one.event) ?? -1
            seen.insert((one.call * 10 + work) * 10 + event)
        }
        #expect(seen.count == CallsAttack.numbers && seen.min() == 100 && seen.max() == 4_096 * 100 + 99)
    }

    private func run(_ blow: TracedRun.Blow, early: Bool = false) throws -> (run: TracedRun, store: String) {
        let place = try LabPlan(seed: 1).makePlace("calls-test")
        defer { Files.removeFolder(place) }
        let store = place + "/app.backstay"
        let run = try TracedRun(
            executable: builtLab, arguments: CallsWork.power.arguments(store: store, seed: 1, early: early),
            errors: place + "/stderr", blow: blow)
        return (run, store)
    }

    @Test func tracedChildIsStruckWhereItIsAsked() throws {
        let whole = try run(.none).run
        #expect(whole.end == .exited(0) && whole.struck == nil && whole.calls > 50)
        #expect(whole.messages.contains(.phase(.closed)))
        let killed = try run(.killBefore(40)).run
        #expect(killed.end == .signalled(9) && killed.struck != nil && !killed.messages.contains(.phase(.closed)))
        // The first call of all is the opening of something, and fails.
        let failed = try run(.fail(1, 5, sticky: true)).run
        #expect(failed.end == .exited(0) && failed.struck != nil)
        #expect(
            failed.messages.contains(.failed(code: "ioError")),
            "\(failed.messages) at \(String(describing: failed.struck))")
        #expect(!failed.messages.contains(.phase(.closed)))
    }

    /// Each database's rollback journal is gone for good before the next step, and so is the way to the store: without
    /// that a power cut may bring a hot journal back, or take the whole store.
    @Test func creationSyncsEachStepBeforeTheNext() throws {
        // The tracer writes down the first 95 bytes of a path.
        let place = try ScratchFiles.makePlace("created", in: "/tmp")
        defer { Files.removeFolder(place) }
        let log = place + ".log"
        defer { unlink(log) }
        let run = try TracedRun(
            executable: builtLab, arguments: CallsWork.create.arguments(store: place + "/s", seed: 1),
            errors: place + ".err", log: log)
        defer { unlink(place + ".err") }
        #expect(run.end == .exited(0))
        var unlinked = 0
        var isFolderSynced = true
        var isInPlace = false
        var isParentSynced = false
        for line in (Files.text(at: log) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 7, omittingEmptySubsequences: false)
            guard words.count == 8, !words[2].hasPrefix("-") else { continue }
            let file = String(words[6])
            switch words[1] {
            case "unlink" where !isInPlace:
                unlinked += 1
                isFolderSynced = false
            case "pwrite64", "rename":
                #expect(isFolderSynced, "\(words[1]) \(file): the folder was not synced after a journal had gone")
                if words[1] == "rename" { isInPlace = true }
            case "fsync", "fdatasync":
                if file.split(separator: "/").last?.hasPrefix(".s.creating-") == true { isFolderSynced = true }
                if isInPlace && file == place { isParentSynced = true }
            default: break
            }
        }
        #expect(unlinked >= 2, "each of two databases had a journal")
        #expect(isInPlace && isParentSynced, "the folder around the store was not synced")
    }

    /// What a killed owner wrote may be in the kernel alone. It is on the disk before anything is built on it.
    @Test func recoverySyncsWhatItFoundBeforeItWrites() throws {
        let place = try ScratchFiles.makePlace("recovered", in: "/tmp")
        defer { Files.removeFolder(place) }
        let store = place + "/s"
        // The files of an open journal: what its owner's death at this moment would leave.
        let journal = try Journal(place + "/live") { _, _ in }
        for number in UInt8(0)..<4 { try journal.append([number]) }
        try ScratchFiles.copy(store: place + "/live", to: store)
        try journal.close()
        let log = place + "/log"
        let next = try TracedRun(
            executable: builtLab, arguments: CallsWork.open.arguments(store: store, seed: 3),
            errors: place + "/err", log: log)
        #expect(next.end == .exited(0))
        var synced: Set<String> = []
        for line in (Files.text(at: log) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 7, omittingEmptySubsequences: false)
            guard words.count == 8, !words[2].hasPrefix("-") else { continue }
            let file = String(words[6])
            if words[1] == "pwrite64" && file.hasPrefix(store + "/") && file.hasSuffix("-wal") { break }
            if words[1] == "fsync" { synced.insert(file) }
        }
        for file in ["/journal.db", "/journal.db-wal", "/state.db", ""] {
            #expect(synced.contains(store + file), "\(file.isEmpty ? "the folder" : file)")
        }
    }

    @Test func orderIsProvedAndRefuted() {
        func line(_ name: String, _ result: Int, _ file: String, _ begin: String = "") -> String {
            "7 \(name) \(result) 0 0 0 \(file) \(begin)\n"
        }
        let (write, sync) = (line("pwrite64", 24, "/s/journal.db-wal"), line("fdatasync", 0, "/s/journal.db-wal"))
        let answer = line("write", 8, "pipe:[1]", "a 1 1 5;")
        #expect(OrderProof(log: write + sync + answer + write + sync + answer).problems.isEmpty)
        #expect(OrderProof(log: write + sync + answer).answers == 1)
        // A store that answers a change before it is made: the sync before the answer is that of opening.
        let opened = line("write", 4, "pipe:[1]", "f 0;")
        #expect(OrderProof(log: sync + opened + write + sync + answer).problems.isEmpty)
        #expect(OrderProof(log: sync + opened + answer + write + sync).problems.count == 1)
        #expect(OrderProof(log: write + answer + sync).problems.count == 2)
        #expect(OrderProof(log: sync + write + answer).problems.count == 1)
        #expect(OrderProof(log: write + sync + answer + answer).problems.count == 1)
        #expect(OrderProof(log: write + line("fdatasync", -5, "/s/journal.db-wal") + answer).problems.count == 2)
        #expect(OrderProof(log: write + line("fdatasync", 0, "/s/state.db-wal") + answer).problems.count == 2)
    }
}
#endif
